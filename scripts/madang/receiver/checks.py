"""Checks of large bodies, in threads beside the loop that answers everybody.

One key's checks take turns, so that however many it sends, the next check of another key waits for
one of them at most. How many wait is bounded by what may be under way at once (limits.py).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

AT_HAND = 4 * 1024  # bytes that are checked at once: a thread would take longer than the check
THREADS = 2
Checked = TypeVar("Checked")


class Checks:
    """The threads, and the turns of the keys."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="check")
        self._turns: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}

    async def run(self, key_id: str, size: int, work: Callable[[], Checked]) -> Checked:
        """Return what `work` returns; `size` are the bytes that it looks at."""
        if size <= AT_HAND:
            return work()
        self._waiting[key_id] = self._waiting.get(key_id, 0) + 1
        try:
            async with self._turns.setdefault(key_id, asyncio.Lock()):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting[key_id] -= 1
            if not self._waiting[key_id]:
                del self._waiting[key_id], self._turns[key_id]

    def stop(self) -> None:
        """End the threads."""
        self._pool.shutdown()
