"""What the local ad platforms share: audiences, members and events, and how a request is taken.

Which paths there are, what is right and in which words it is refused, each says in its own module.
"""

import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import SplitResult, urlsplit

from madang.sandbox.faults import Fault
from madang.sandbox.local import LocalHandler, LocalServer


class Refused(Exception):
    """An answer that means no, with its body: nothing of the request is processed."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


class AdPlatform(LocalServer):
    """`audiences` are names by id, `members` who is on each as kind:hash, `events` what counts.

    These, by the names in `kept`, outlive the server in its file. `now` is its clock.
    """

    kept: ClassVar[tuple[str, ...]] = ("audiences", "events")
    audiences: dict[str, Any]
    events: dict[str, Any]

    def __init__(
        self,
        handler: type["AdHandler"],
        port: int,
        state_path: Path | None,
        now: Callable[[], datetime],
    ) -> None:
        self.now = now
        self.members: dict[str, set[str]] = {}
        self.lock = threading.Lock()
        self._state_path = state_path
        state: dict[str, Any] = {}
        if state_path is not None and state_path.exists():
            state = json.loads(state_path.read_text())
            self.members = {key: set(found) for key, found in state["members"].items()}
        for name in self.kept:
            setattr(self, name, state.get(name, {}))
        super().__init__(handler, port)

    def close(self) -> None:
        if self._state_path is not None:
            state: dict[str, Any] = {name: getattr(self, name) for name in self.kept}
            state["members"] = {key: sorted(found) for key, found in self.members.items()}
            self._state_path.write_text(json.dumps(state))

    def names(self) -> dict[str, Any]:
        """Return the names of audiences by id."""
        return self.audiences

    def change(self, number: str, keys: set[str], *, is_removal: bool) -> None:
        """Add these to a list, or remove them; who is there already, or not, comes again."""
        kept = self.members[number]
        self.repeats.known += len(keys - kept if is_removal else keys & kept)
        self.members[number] = kept - keys if is_removal else kept | keys

    def on(self, name: str) -> set[str]:
        """Return who is on the audience of a name: kind:hash."""
        ids = [key for key, called in self.names().items() if called == name]
        return set().union(*(self.members[key] for key in ids))


class AdHandler(LocalHandler, ABC):
    """A platform says what of its faults only it knows, who may ask, and what it does."""

    def part(self, path: str) -> str:
        """Return the name by which a fault can be set for requests to this path alone."""
        return path.strip("/").rpartition("/")[2]

    def fail(self, faults: Mapping[str, Fault]) -> None:
        """Raise Refused as the platform does when it is in trouble; here as a proxy before it."""
        if "status" in faults:
            raise Refused(faults["status"].status, "<html>Sorry</html>")

    @abstractmethod
    def check_sender(self, asked: SplitResult) -> None:
        """Raise Refused for who has not the right key."""

    @abstractmethod
    def act(self, asked: SplitResult, content: bytes) -> tuple[Any, int]:
        """Return the answer and the number of objects that were taken. Raises Refused."""

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def _handle(self) -> None:
        content, asked = self.body(), urlsplit(self.path)
        due = self.sandbox.faults.next({self.part(asked.path)})
        faults = {fault.kind: fault for fault in due}
        if "slow" in faults:
            time.sleep(faults["slow"].seconds)
        if "drop_before" in faults:
            return self.drop("drop_before")
        try:
            self.fail(faults)
            self.check_sender(asked)
            with self.sandbox.lock:
                answer, objects = self.act(asked, content)
        except Refused as refused:
            return self.answer(refused.status, refused.body)
        if "drop_after" in faults:
            return self.drop("drop_after")
        return self.answer(200, answer, objects=objects)


def json_object(content: bytes, otherwise: Refused) -> dict[str, Any]:
    """Return the JSON object of a body. Raises `otherwise` for what is none."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise otherwise
    return found
