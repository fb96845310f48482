"""How often a key may call: a bucket of requests that fills at the key's rate."""

import math
from dataclasses import dataclass

BURST_SECONDS = 10


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
