"""How often a key may call, and how much of its requests may be under way at once."""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

BURST_SECONDS = 10
FULL_BODIES = 128  # of the largest size, that may be under way in all; of one key half of it


class NoRoomError(Exception):
    """Too much is under way; `of_key`: of this key alone."""

    def __init__(self, of_key: bool) -> None:
        super().__init__()
        self.of_key = of_key


@dataclass(slots=True)
class _Bucket:
    filled: float
    at: float


class RateLimits:
    """One bucket a key. It holds ten seconds of the rate, so that a burst may pass."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key_id: str, per_minute: int, now: float) -> int:
        """Count one request; return 0 when it may pass, else the seconds to wait (at least 1).

        `now` is a monotonic clock in seconds.
        """
        rate = per_minute / 60
        most = max(1.0, rate * BURST_SECONDS)
        bucket = self._buckets.setdefault(key_id, _Bucket(most, now))
        bucket.filled = min(most, bucket.filled + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.filled >= 1:
            bucket.filled -= 1
            return 0
        return max(1, math.ceil((1 - bucket.filled) / rate - 1e-6))


class AtOnce:
    """Requests under way and the bytes that they declare: in all, and of each key."""

    def __init__(self, most_of_key: int, largest: int) -> None:
        self._most_of_key = most_of_key
        self._bytes, self._bytes_of_key = largest * FULL_BODIES, largest * FULL_BODIES // 2
        self._held = 0
        self._requests: Counter[str] = Counter()
        self._held_by: Counter[str] = Counter()

    @contextmanager
    def held(self, key_id: str, size: int) -> Iterator[None]:
        """Count a request of a key until it is answered. Raises NoRoomError."""
        is_full = self._requests[key_id] >= self._most_of_key
        if is_full or self._held_by[key_id] + size > self._bytes_of_key:
            raise NoRoomError(of_key=True)
        if self._held + size > self._bytes:
            raise NoRoomError(of_key=False)
        self._add(key_id, 1, size)
        try:
            yield
        finally:
            self._add(key_id, -1, -size)

    def _add(self, key_id: str, requests: int, size: int) -> None:
        self._held += size
        self._requests[key_id] += requests
        self._held_by[key_id] += size
        if not self._requests[key_id]:
            del self._requests[key_id], self._held_by[key_id]
