"""A local endpoint that keeps to the contract of `madang.sync.destinations.webhook`, strictly.

It checks the signature and its age, tells doubles by the Idempotency-Key and keeps what rows say.
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from madang.sandbox.local import LocalHandler, LocalServer
from madang.settings import secrets as config_secrets
from madang.sync.destinations.webhook import WebhookSettings

SECRET = "webhook-secret"
OLDEST = 300  # seconds of a signature
SIGNED = re.compile(r"t=(\d{10}),v1=([0-9a-f]{64})")
ROW = {"id", "key", "field", "operation", "value"}


class WebhookSandbox(LocalServer):
    """`held` is what was set and not removed, by key and field; `rows` every row that came.

    `bad_keys` are refused, row by row where `says_rows`. `doubles` counts requests that came again.
    """

    def __init__(self, port: int = 0, *, says_rows: bool = False, secret: str = SECRET) -> None:
        self.secret, self.says_rows = secret, says_rows
        self.held: dict[tuple[str, str], Any] = {}
        self.rows: list[dict[str, Any]] = []
        self.bad_keys: set[str] = set()
        self.answered: dict[str, tuple[int, Any]] = {}
        self.doubles = 0
        super().__init__(_Handler, port)


class _Handler(LocalHandler):
    sandbox: ClassVar[WebhookSandbox]

    def do_POST(self) -> None:
        sandbox, body = self.sandbox, self.body()
        faults = {fault.kind: fault for fault in sandbox.faults.next(set())}
        if "slow" in faults:
            time.sleep(faults["slow"].seconds)
        if "drop_before" in faults:
            return self.drop("drop_before")
        if "status" in faults:
            return self.answer(faults["status"].status, {})
        if "rate_limit" in faults:
            return self.answer(429, {}, {"Retry-After": str(int(faults["rate_limit"].seconds))})
        if "garbage" in faults:
            return self.answer(200, "<html><body>Sign in</body></html>")
        if not self._is_signed(body):
            return self.answer(401, {"reason": "The signature is wrong or too old."})
        key = self.headers.get("Idempotency-Key", "")
        if key != hashlib.sha256(body).hexdigest():
            return self.answer(400, {"reason": "The Idempotency-Key is missing."})
        if key in sandbox.answered:
            sandbox.doubles += 1
        else:
            sandbox.answered[key] = self._taken(body)
        if "drop_after" in faults:
            return self.drop("drop_after")
        status, answer = sandbox.answered[key]
        return self.answer(status, answer)

    def _is_signed(self, body: bytes) -> bool:
        found = SIGNED.fullmatch(self.headers.get("X-Madang-Signature", ""))
        if found is None or abs(time.time() - int(found[1])) > OLDEST:
            return False
        signed = found[1].encode() + b"." + body
        digest = hmac.new(self.sandbox.secret.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(digest, found[2])

    def _taken(self, body: bytes) -> tuple[int, Any]:
        sandbox = self.sandbox
        try:
            told = json.loads(body)
        except ValueError:
            return 400, {"reason": "This is no JSON."}
        rows = told.get("rows") if isinstance(told, dict) else None
        if not isinstance(rows, list) or set(told) != {"object", "plan_id", "rows"} or not rows:
            return 400, {"reason": "object, plan_id and rows are needed."}
        if not all(isinstance(one, dict) and set(one) == ROW for one in rows):
            return 400, {"reason": "A row has id, key, field, operation and value."}
        bad = {one["id"] for one in rows if one["key"] in sandbox.bad_keys}
        if bad and not sandbox.says_rows:
            return 422, {"reason": "A key is not known."}
        for one in rows:
            if one["id"] in bad:
                continue
            sandbox.rows.append(one)
            if one["operation"] == "set":
                sandbox.held[one["key"], one["field"]] = one["value"]
            else:
                sandbox.held.pop((one["key"], one["field"]), None)
        if not sandbox.says_rows:
            return 200, {}
        results = [
            {"id": one["id"], "status": "rejected", "reason": f"unknown key {one['key']}@x.example"}
            if one["id"] in bad
            else {"id": one["id"], "status": "ok"}
            for one in rows
        ]
        return 200, {"results": results}


@contextmanager
def served(
    settings: WebhookSettings, folder: Path, customers: Sequence[str]
) -> Iterator[WebhookSettings]:
    """Serve an endpoint for the demo."""
    config_secrets.hold(settings.secret_env, SECRET)
    with WebhookSandbox(says_rows=settings.answers == "rows") as sandbox:
        yield settings.model_copy(update={"url": sandbox.url})
