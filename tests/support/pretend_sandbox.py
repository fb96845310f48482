"""The local server of the pretend destination: keeps every row that it was ever sent."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from madang.sandbox.local import LocalHandler, LocalServer
from madang.settings import secrets as config_secrets

KEY = "pretend-key"


class PretendSandbox(LocalServer):
    """`rows` are (key, field, value), doubles included."""

    def __init__(self, port: int = 0) -> None:
        self.rows: list[tuple[str, str, Any]] = []
        super().__init__(_Handler, port)


class _Handler(LocalHandler):
    def do_POST(self) -> None:
        body = self.body()
        if self.headers.get("X-Key") != KEY:
            return self.answer(401, {})
        faults = {fault.kind: fault for fault in self.sandbox.faults.next(set())}
        if "status" in faults:
            return self.answer(faults["status"].status, {})
        if "drop_before" in faults:
            return self.drop("drop_before")
        rows = json.loads(body)["rows"]
        self.sandbox.rows += [(row["key"], row["field"], row["value"]) for row in rows]
        if "drop_after" in faults:
            return self.drop("drop_after")
        return self.answer(200, {"taken": len(rows)})


@contextmanager
def served(settings: Any, folder: Path, customers: Sequence[str]) -> Iterator[Any]:
    """Serve it for the demo."""
    config_secrets.hold(settings.key_env, KEY)
    with PretendSandbox() as sandbox:
        yield settings.model_copy(update={"url": sandbox.url})
