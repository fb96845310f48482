"""Writes requests to the inbox in groups: whoever waits meanwhile shares one wait for the disk.

One thread owns the connection. It takes all requests that wait, writes them in one commit, and
answers each only after that; a disk that takes 4 ms a commit so takes thousands of requests a
second, not 250.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from pathlib import Path

from madang.errors import MadangError
from madang.ingest.calls.inbox import Inbox, Kept, Received, open_inbox

MOST = 500  # requests in one commit
GATHER_SECONDS = 0.001


class InboxDown(MadangError):
    """The inbox cannot be written now; nothing of the request was kept."""


_Asked = tuple[Received, asyncio.Future, asyncio.AbstractEventLoop]


class Writer:
    """The one thread that writes. `failure` is the last commit's problem, None when it went."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inbox: Inbox = open_inbox(path)
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="inbox writer", daemon=True)
        self.last_request_id = self._inbox.last_request_id()
        self.failure: str | None = None

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    async def keep(self, request: Received) -> Kept:
        """Write a request and return when it is durable. Raises InboxDown when it is not."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Kept] = loop.create_future()
        if not self.is_alive:
            raise InboxDown("The inbox is closed.")
        self._asked.put((request, answer, loop))
        return await answer

    @property
    def is_alive(self) -> bool:
        """Whether the thread is at work."""
        return self._thread.is_alive()

    def waiting_since(self) -> str | None:
        """Return since when the oldest item waits, asked of the file itself."""
        try:
            inbox = open_inbox(self._path)
        except MadangError as error:
            raise InboxDown("The inbox cannot be read now.") from error
        try:
            return inbox.waiting_since()
        except sqlite3.Error as error:
            raise InboxDown("The inbox cannot be read now.") from error
        finally:
            inbox.close()

    def stop(self) -> None:
        """Write what waits, and close the file."""
        self._asked.put(None)
        self._thread.join()

    def _work(self) -> None:
        group: list[_Asked | None] = []
        while None not in group:
            group = self._next_group(len(group))
            self._write([one for one in group if one is not None])
        self._inbox.close()

    def _next_group(self, before: int) -> list[_Asked | None]:
        """Wait for a request, and take all that wait.

        Who was answered a moment ago sends the next one now: as many as `before` get a moment to
        come, so that they share a commit instead of taking turns.
        """
        group = [self._asked.get()]
        until = time.monotonic() + GATHER_SECONDS
        while len(group) < MOST:
            left = until - time.monotonic() if len(group) < before else 0
            try:
                group.append(self._asked.get(left > 0, max(left, 0)))
            except queue.Empty:
                break
        return group

    def _write(self, group: list[_Asked]) -> None:
        if not group:
            return
        try:
            kept = self._inbox.keep([request for request, _, _ in group])
            self.failure = None
        except Exception as error:  # whatever it is, nobody may wait for ever
            self.failure = type(error).__name__
            problem = InboxDown("The inbox cannot be written now.", where=str(self._path))
            _tell(group, [problem] * len(group))
        else:
            _tell(group, kept)


def _tell(group: list[_Asked], answers: list[Kept] | list[InboxDown]) -> None:
    def settle() -> None:
        for (_, future, _), answer in zip(group, answers, strict=True):
            if future.done():  # whoever asked has gone
                continue
            if isinstance(answer, InboxDown):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    group[0][2].call_soon_threadsafe(settle)
