"""The web application: who calls, whether it may, what it sent, and the answer once it is kept."""

import asyncio
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from madang.ingest.calls.ids import RequestIds
from madang.ingest.calls.inbox import Received, listed
from madang.receiver.answers import Refused
from madang.receiver.bodies import body_of, items_of, size_of
from madang.receiver.checks import Checks
from madang.receiver.keys import Key, KeyRing
from madang.receiver.kinds import Kind
from madang.receiver.limits import AtOnce, NoRoomError, RateLimits
from madang.receiver.log import Line, logged
from madang.receiver.openapi import document
from madang.receiver.verdicts import judge
from madang.receiver.writer import InboxDown, Writer
from madang.settings.receiver import ReceiverSettings

IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,200}")


class Receiver:
    """What the requests share. `writer` must be started."""

    def __init__(
        self, kinds: Mapping[str, Kind], settings: ReceiverSettings, keys: KeyRing, writer: Writer
    ) -> None:
        self.kinds = kinds
        self.settings = settings
        self.keys = keys
        self.writer = writer
        self.limits = RateLimits()
        self.at_once = AtOnce(settings.at_once_per_key, settings.max_request_kib * 1024)
        self.checks = Checks()
        self._looking: asyncio.Future[tuple[dict[str, str | None], int]] | None = None
        self.ids = RequestIds(writer.last_request_id)

    async def take(self, request: Request, kind: Kind, line: Line) -> Response:
        """Answer one call. Raises Refused for a request of which nothing is taken."""
        key = self._caller(request, line)
        self._within_rate(key)
        if kind.name not in key.kinds:
            raise Refused(
                403,
                "scope",
                "Forbidden",
                f"This key may not send {kind.name}.",
                f"It may send: {', '.join(key.kinds)}. Ask for a key with this kind.",
            )
        largest = self.settings.max_request_kib * 1024
        with self._under_way(key, size_of(request, largest)):
            body = await body_of(request, largest)
            line.size = len(body)
            name = _idempotency_key(request)
            request_id, now = self.ids.next(), datetime.now(UTC)

            def judged() -> Received:
                return self._judged(kind, key, name, body, request_id, now, line)

            return await self._kept(await self.checks.run(key.key_id, len(body), judged), line)

    def _judged(
        self,
        kind: Kind,
        key: Key,
        name: str | None,
        body: bytes,
        request_id: str,
        now: datetime,
        line: Line,
    ) -> Received:
        """Check every item; return what is to be kept, with the answer. Not on the loop's time."""
        items = items_of(body, self.settings.max_items)
        digest = sha256(body).hexdigest()
        answer, good = judge(kind, items, request_id, now, self.settings.max_hours_ahead)
        line.request_id, line.accepted = answer.request_id, answer.accepted
        line.refused = answer.refused
        return Received(
            request_id=request_id,
            partner=key.partner,
            kind=kind.name,
            idempotency_key=name or f"sha256:{digest}",
            body_sha256=digest,
            source=kind.table.label,
            columns=listed(kind.columns),
            received_at=answer.received_at,
            status=202 if good else 422,
            answer=answer.model_dump_json(),
            items=tuple(good),
        )

    @contextmanager
    def _under_way(self, key: Key, size: int) -> Iterator[None]:
        try:
            with self.at_once.held(key.key_id, size):
                yield
        except NoRoomError as error:
            if error.of_key:
                raise Refused(
                    429,
                    "at_once",
                    "Too many requests",
                    "Too many requests of this key, or too large ones, are under way.",
                    "Wait for answers before you send more.",
                    {"Retry-After": "1"},
                ) from None
            raise Refused(
                503,
                "busy",
                "Service unavailable",
                "Too many requests are under way; nothing of this one was kept.",
                "Send it again, with the same Idempotency-Key.",
                {"Retry-After": "1"},
            ) from None

    async def _kept(self, received: Received, line: Line) -> Response:
        try:
            kept = await self.writer.keep(received)
        except InboxDown:
            raise Refused(
                503,
                "inbox_down",
                "Service unavailable",
                "The request could not be written; nothing of it was kept.",
                "Send it again, with the same Idempotency-Key.",
                {"Retry-After": "5"},
            ) from None
        line.request_id = kept.request_id
        if kept.outcome == "conflict":
            line.accepted = line.refused = 0
            raise Refused(
                422,
                "idempotency_key_reused",
                "Unprocessable content",
                "This Idempotency-Key was used for another body.",
                "Use a new key for every new request; repeat one only with the same body.",
            )
        line.is_replay = kept.outcome == "replayed"
        headers = {"Idempotent-Replayed": "true"} if line.is_replay else None
        return Response(kept.answer, kept.status, headers, "application/json")

    def _caller(self, request: Request, line: Line) -> Key:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        key = None
        if scheme.lower() == "bearer" and secret:
            key = self.keys.find(secret.strip(), time.monotonic())
        if key is None:
            raise Refused(
                401,
                "key",
                "Unauthorized",
                "The key is missing, unknown or revoked.",
                "Send 'Authorization: Bearer mdk_…' with the key that you were given.",
                {"WWW-Authenticate": "Bearer"},
            )
        line.partner, line.key_id = key.partner, key.key_id
        return key

    def _within_rate(self, key: Key) -> None:
        rate = key.requests_per_minute or self.settings.requests_per_minute
        wait = self.limits.take(key.key_id, rate, time.monotonic())
        if wait:
            raise Refused(
                429,
                "rate",
                "Too many requests",
                f"This key may send {rate:,} requests a minute.",
                "Wait as long as Retry-After says, and send more items in one request.",
                {"Retry-After": str(wait)},
            )

    async def health(self, request: Request) -> Response:
        """Say whether requests can be taken; who asks at the same moment gets the same answer."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._state())
        told, status = await asyncio.shield(self._looking)
        return JSONResponse(told, status)

    async def _state(self) -> tuple[dict[str, str | None], int]:
        try:
            since = await run_in_threadpool(self.writer.waiting_since)
            is_well = self.writer.is_alive and self.writer.failure is None
        except InboxDown:
            since, is_well = None, False
        told = {"status": "ok" if is_well else "failing", "waiting_since": since}
        return told, 200 if is_well else 503


def build_app(receiver: Receiver) -> Any:
    """Return the ASGI application; it starts and stops the writer with itself."""
    contract = json.dumps(document(receiver.kinds, receiver.settings)).encode()

    @asynccontextmanager
    async def lifespan(_: Starlette):
        receiver.writer.start()
        try:
            yield
        finally:
            await run_in_threadpool(receiver.writer.stop)
            receiver.checks.stop()

    async def openapi(_: Request) -> Response:
        return Response(contract, media_type="application/json")

    routes = [_route(receiver, kind) for kind in receiver.kinds.values()]
    routes += [Route("/health", receiver.health), Route("/openapi.json", openapi)]
    handlers = {HTTPException: _not_served, Exception: _unforeseen}
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app


def _route(receiver: Receiver, kind: Kind) -> Route:
    path = f"/v1/{kind.name}"

    async def take(request: Request) -> Response:
        with logged(path) as line:
            try:
                response = await receiver.take(request, kind, line)
            except Refused as refused:
                response, line.code = refused.response(), refused.code
            line.status = response.status_code
            return response

    return Route(path, take, methods=["POST"])


async def _not_served(request: Request, error: Exception) -> Response:
    """Another address or method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        title, detail, fix = "Method not allowed", "This method is not served here.", "Use POST."
    else:
        title, detail, fix = "Not found", "There is nothing at this address.", "See /openapi.json."
    headers = dict(error.headers or {})
    return Refused(error.status_code, "address", title, detail, fix, headers).response()


async def _unforeseen(request: Request, error: Exception) -> Response:
    """A fault of ours: no word of it goes out."""
    return Refused(
        500,
        "fault",
        "Internal server error",
        "Something unforeseen went wrong; nothing of the request was kept.",
        "Send it again, with the same Idempotency-Key.",
    ).response()


def _idempotency_key(request: Request) -> str | None:
    name = request.headers.get("idempotency-key")
    if name is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(name):
        raise Refused(
            400,
            "idempotency_key",
            "Bad request",
            "The Idempotency-Key must be 1 to 200 visible ASCII characters.",
            "Use a UUID.",
        )
    return f"key:{name}"
