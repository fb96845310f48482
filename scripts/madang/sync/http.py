"""One connection to a destination: keeps it open, respects its rate windows, retries what may be.

Rate windows follow Braze's documented headers: X-RateLimit-Limit, -Remaining and -Reset (epoch
seconds of the server's clock; windows end on the clock, not after a pause), and no Retry-After:
https://www.braze.com/docs/api/api_limits
"""

import contextlib
import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.auth import AuthBase

from madang.http.address import is_loopback
from madang.http.exchange import Broken, exchange, read_json, session
from madang.sync import DestinationDown

RETRIED_STATUSES = frozenset({408, *range(500, 600)})


@dataclass(frozen=True)
class Retry:
    """How long one request may be tried. Seconds everywhere."""

    attempts: int = 7
    first_contact: int = 3  # attempts while the destination has never answered: a wrong address
    first_pause: float = 0.5
    longest_pause: float = 30.0
    budget: float = 180.0
    longest_rate_wait: float = 900.0

    def pause(self, failures: int, chance: float) -> float:
        """Return the pause after the n-th failure: doubling, between half and whole of it."""
        whole = min(self.longest_pause, self.first_pause * 2 ** (failures - 1))
        return whole * (0.5 + chance / 2)


@dataclass(frozen=True)
class Reply:
    """An answer. `body` is the parsed JSON object, or None when it was no JSON object."""

    status: int
    body: dict[str, Any] | None
    headers: Mapping[str, str]
    attempts: int


class _Bearer(AuthBase):
    """Sets the header itself, because requests lets a .netrc entry replace a plain header."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Http:
    """Posts JSON to one host with one key. Not for use by several threads at once."""

    def __init__(
        self,
        url: str,
        *,
        key: str,
        timeout: float,
        retry: Retry,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.url = url.rstrip("/")
        self.requests = 0
        self._key = key
        self._timeout = timeout
        self._retry = retry
        self._clock, self._wall, self._sleep, self._chance = clock, wall, sleep, chance
        self._not_before = 0.0
        self._has_answered = False
        self._session = session()
        self._session.auth = _Bearer(key)
        self._session.headers["Content-Type"] = "application/json"
        self._session.headers["User-Agent"] = "madang"
        if is_loopback(url):
            self._session.trust_env = False  # a proxy cannot reach this machine's own loopback

    def post(self, path: str, body: bytes) -> Reply:
        """Send until there is an answer that is neither "wait" nor "I failed".

        429 waits for the window's end; 5xx, 408, timeouts and broken connections are tried again
        with growing pauses. Raises DestinationDown when the attempts, the budget or the longest
        wait are used up.
        """
        started = self._clock()
        rate_waited, failures, attempts, limited = 0.0, 0, 0, 0
        while True:
            self._wait_for_window()
            attempts += 1
            self.requests += 1
            trouble = ""
            try:
                answer = exchange(
                    self._session, "POST", self.url + path, data=body, timeout=self._timeout
                )
            except requests.RequestException as error:
                trouble = plain_trouble(error, self._timeout)
            else:
                self._has_answered = True
                self._note_window(answer.headers)
                if answer.status == 429:
                    limited += 1
                    rate_waited += self._wait_after_429(answer.headers, rate_waited, limited)
                    continue
                if answer.status not in RETRIED_STATUSES:
                    found = read_json(answer.content)
                    said = found if isinstance(found, dict) else None
                    return Reply(answer.status, said, answer.headers, attempts)
                trouble = f"it answered {answer.status}"
            failures += 1
            pause = self._retry.pause(failures, self._chance())
            spent = self._clock() - started - rate_waited
            most = self._retry.attempts
            if not self._has_answered:
                most = min(most, self._retry.first_contact)
            if failures >= most or spent + pause > self._retry.budget:
                raise DestinationDown(
                    f"The destination is down: {trouble} ({failures} attempts in "
                    f"{spent:.0f} seconds).",
                    where=self.url,
                    fix="Check the address in madang.yml and the destination's status page. What "
                    "was accepted is remembered: the same command goes on where it stopped.",
                )
            self._sleep(pause)

    def redact(self, text: str) -> str:
        """Take the key out of a text. Braze's own answer to a wrong key repeats the key."""
        return text.replace(self._key, "[key]")

    def close(self) -> None:
        self._session.close()

    def _wait_for_window(self) -> None:
        wait = self._not_before - self._clock()
        if wait > 0:
            self._sleep(min(wait, self._retry.longest_rate_wait))
        self._not_before = 0.0

    def _note_window(self, headers: Mapping[str, str]) -> None:
        """When the window is used up, do not knock again before it ends."""
        if headers.get("X-RateLimit-Remaining") == "0":
            wait = seconds_until_reset(headers, self._wall())
            if wait is not None and wait <= self._retry.longest_rate_wait:
                self._not_before = self._clock() + wait

    def _wait_after_429(self, headers: Mapping[str, str], waited: float, limited: int) -> float:
        """Sleep until the window's end; return for how long.

        A window that is over and still refuses is not believed: the pauses grow as without one.
        """
        wait = seconds_until_reset(headers, self._wall())
        if wait is None or (wait < 0.05 and limited > 1):
            wait = self._retry.pause(limited, self._chance())
        wait = max(wait, 0.05)
        if waited + wait > self._retry.longest_rate_wait:
            raise DestinationDown(
                f"The destination's rate limit is used up for {wait:.0f} more seconds; with the "
                f"{waited:.0f} before, that is longer than a run may wait "
                f"({self._retry.longest_rate_wait:.0f}).",
                where=self.url,
                fix="Run the same command later: it goes on where it stopped.",
            )
        self._sleep(wait)
        self._not_before = 0.0
        return wait


def seconds_until_reset(headers: Mapping[str, str], now: float) -> float | None:
    """Return how long the rate window still lasts, by the server's own clock when it tells it.

    The machine's clock may be wrong by minutes, so X-RateLimit-Reset is compared with the answer's
    Date header. That one is cut to whole seconds, so the wait is up to a second too long.
    """
    try:
        reset = float(headers["X-RateLimit-Reset"])
    except (KeyError, ValueError):
        return None
    if not math.isfinite(reset):
        return None
    with contextlib.suppress(KeyError, ValueError, TypeError, OverflowError):
        now = parsedate_to_datetime(headers["Date"]).timestamp()
    return max(0.0, reset - now)


def plain_trouble(error: Exception, timeout: float) -> str:
    """Say what went wrong without the addresses and objects in the library's own text."""
    if isinstance(error, Broken):
        return str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate could not be verified"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy could not be reached"
    if isinstance(error, requests.Timeout):
        return f"it did not answer within {timeout:.0f} seconds"
    text = str(error)
    if "refused" in text:
        return "nobody listens at this address (connection refused)"
    if "resolve" in text or "getaddrinfo" in text or "Name or service" in text:
        return "this host name does not exist"
    return "the connection broke"
