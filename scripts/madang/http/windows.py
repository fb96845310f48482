"""How long to wait for a rate window, by the headers of an answer.

`Retry-After` is seconds or a moment (RFC 9110, 10.2.3). `X-RateLimit-Limit`, `-Remaining` and
`-Reset` (epoch seconds of the server's clock; windows end on the clock, not after a pause) are
Braze's and others': https://www.braze.com/docs/api/api_limits
"""

import contextlib
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime


def seconds_to_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Return how long an answer asks to wait; None where it does not say so in a way to read."""
    after = _retry_after(headers, now)
    return after if after is not None else seconds_until_reset(headers, now)


def is_used_up(headers: Mapping[str, str]) -> bool:
    """Say whether an answer tells that it was the last of its window."""
    return headers.get("X-RateLimit-Remaining") == "0"


def seconds_until_reset(headers: Mapping[str, str], now: float) -> float | None:
    """Return how long the rate window still lasts, by the server's own clock when it tells it.

    The machine's clock may be wrong by minutes, so X-RateLimit-Reset is compared with the answer's
    Date header. That one is cut to whole seconds, so the wait is up to a second too long.
    """
    try:
        reset = float(headers["X-RateLimit-Reset"])
    except (KeyError, ValueError):
        return None
    return max(0.0, reset - _server_time(headers, now)) if math.isfinite(reset) else None


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    told = headers.get("Retry-After", "")
    try:
        seconds = float(told)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(told).timestamp() - _server_time(headers, now)
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _server_time(headers: Mapping[str, str], now: float) -> float:
    with contextlib.suppress(KeyError, ValueError, TypeError, OverflowError):
        return parsedate_to_datetime(headers["Date"]).timestamp()
    return now
