"""A receiver in a workspace of its own, and outcomes to send to it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import requests

from madang.receiver.keys import add_key
from madang.receiver.kinds import read_kinds
from madang.settings.workspace import Settings, load_settings

PROJECT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from madang.cli import main; main()"]


def receiving_workspace(root: Path, **receiver: Any) -> Settings:
    """Write a workspace whose receiver has the given settings; return them all."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "inbox").mkdir(exist_ok=True)
    text = f"version: 1\nproject: {PROJECT}\nreceiver: {json.dumps(receiver)}\n"
    (root / "madang.yml").write_text(text, encoding="utf-8")
    return load_settings(root / "madang.yml")


def key_for(settings: Settings, *kinds: str, partner: str = "install-co") -> str:
    """Make a key for a partner, for all kinds unless some are named."""
    known = read_kinds(settings.project_dir)
    return add_key(settings.paths.receiver_keys, partner, kinds or list(known), known)[0]


def outcome(number: int | str, **fields: Any) -> dict[str, Any]:
    """Return a sound outcome; its number names it."""
    at = datetime(2026, 10, 6, 14, 30, tzinfo=UTC) + timedelta(seconds=hash(str(number)) % 9999)
    return {
        "outcome_id": f"O-{number}",
        "product": "charger",
        "application_id": f"A-{number}",
        "phone": "010-1234-5678",
        "status": "installed",
        "occurred_at": at.isoformat(),
        "value": 1_200_000,
        **fields,
    }


@dataclass
class Running:
    """`madang receive` in a process of its own, at a port that the system chose."""

    settings: Settings
    key: str
    url: str = ""
    command: Sequence[str] = ()
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.settings.root / "receiver.log"

    def __enter__(self) -> Self:
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as target:
            self.process = subprocess.Popen(
                self.command
                or [*COMMAND, "--config", str(self.settings.root), "receive", "--port", "0"],
                stdout=target,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        deadline = time.monotonic() + 30
        while "listening at " not in (told := self.log.read_text()[before:]):
            assert self.process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.02)
        self.url = told.partition("listening at ")[2].split(",")[0]
        return self

    def post(self, kind: str, body: Any, **headers: str) -> requests.Response:
        """Send a body (bytes as they are, else as JSON) with the key."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **named}
        return requests.post(f"{self.url}/v1/{kind}", data=data, headers=sent, timeout=30)

    def end(self, how: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit code."""
        self.process.send_signal(how)
        return self.process.wait(30)

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
