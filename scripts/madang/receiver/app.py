"""The web application: who calls, whether it may, what it sent, and the answer once it is kept."""

import re
import time
from collections.abc import Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from madang.config_receiver import ReceiverSettings
from madang.ingest.inbox_file import Received, listed
from madang.ingest.inbox_ids import RequestIds
from madang.receiver.answers import Answer, Refused, Verdict
from madang.receiver.bodies import body_of, items_of
from madang.receiver.fields import Clock
from madang.receiver.findings import Finding
from madang.receiver.keys import Key, KeyRing
from madang.receiver.kinds import Kind
from madang.receiver.limits import RateLimits
from madang.receiver.log import Line, logged
from madang.receiver.openapi import document
from madang.receiver.writer import InboxDown, Writer

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
        body = await body_of(request, self.settings.max_request_kib * 1024)
        line.size = len(body)
        digest = sha256(body).hexdigest()
        name = _idempotency_key(request) or f"sha256:{digest}"
        now = datetime.now(UTC)
        answer, items = self._judged(kind, items_of(body, self.settings.max_items), now)
        line.request_id, line.accepted = answer.request_id, answer.accepted
        line.refused = answer.refused
        received = Received(
            request_id=answer.request_id,
            partner=key.partner,
            kind=kind.name,
            idempotency_key=name,
            body_sha256=digest,
            source=kind.table.label,
            columns=listed(kind.columns),
            received_at=answer.received_at,
            status=202 if items else 422,
            answer=answer.model_dump_json(),
            items=tuple(items),
        )
        return await self._kept(received, line)

    def _judged(
        self, kind: Kind, items: list[object], now: datetime
    ) -> tuple[Answer, list[tuple[int, tuple[str | None, ...]]]]:
        """Check every item: the answer, and the texts of the good ones with their numbers."""
        clock = Clock.around(now, self.settings.max_hours_ahead)
        verdicts, good = [], []
        for number, item in enumerate(items, start=1):
            checked = kind.check(item, clock)
            problems: list[Finding] = []
            if isinstance(checked, tuple):
                good.append((number, checked))
            else:
                problems = checked
            verdicts.append(
                Verdict(
                    item=number,
                    id=kind.key_of(item),
                    status="refused" if problems else "accepted",
                    problems=problems,
                )
            )
        answer = Answer(
            request_id=self.ids.next(),
            received_at=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            accepted=len(good),
            refused=len(items) - len(good),
            items=verdicts,
        )
        return answer, good

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
        """Say whether requests can be taken."""
        try:
            since = await run_in_threadpool(self.writer.waiting_since)
            is_well = self.writer.is_alive and self.writer.failure is None
        except InboxDown:
            since, is_well = None, False
        told = {"status": "ok" if is_well else "failing", "waiting_since": since}
        return JSONResponse(told, 200 if is_well else 503)


def build_app(receiver: Receiver) -> Any:
    """Return the ASGI application; it starts and stops the writer with itself."""
    contract = document(receiver.kinds, receiver.settings)

    @asynccontextmanager
    async def lifespan(_: Starlette):
        receiver.writer.start()
        try:
            yield
        finally:
            await run_in_threadpool(receiver.writer.stop)

    async def openapi(_: Request) -> Response:
        return JSONResponse(contract)

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
