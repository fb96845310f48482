"""Connections to a host: keeps them open, respects its rate windows, retries what may be.

A redirect is an answer like others and never followed: what is sent is for one host alone.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import requests

from madang.errors import MadangError
from madang.http import HttpError
from madang.http.address import is_loopback
from madang.http.auth import Auth
from madang.http.exchange import exchange, read_json, session
from madang.http.retry import RETRIED_STATUSES, Retry, never_left, plain_trouble
from madang.http.windows import is_used_up, seconds_to_wait

AGAIN = "Run the same command later: it goes on where it stopped."
LONGEST_ANSWER = 4 << 20  # bytes in memory
Errors = type[MadangError]
#: Of a status and a body: whether it means "wait" or "I failed", where the status alone does not.
Trouble = Callable[[int, bytes], Literal["limited", "failed"] | None]


@dataclass(frozen=True)
class Reply:
    """An answer. `content` is empty where the body went to a file."""

    status: int
    content: bytes
    headers: Mapping[str, str]
    attempts: int = 1

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400

    @cached_property
    def body(self) -> dict[str, Any] | None:
        """The parsed JSON object, or None when it is no JSON object."""
        found = read_json(self.content)
        return found if isinstance(found, dict) else None


class Client:
    """Requests to one host. Each thread that uses it has a connection of its own.

    Login, rate windows and the count of requests are shared by all of them.

    `name` is how errors call the other side, `check` what they say to look at. `down` is raised
    when the attempts, the budget or the longest wait are used up; `limited` (else `down`) when the
    longest wait is, and the request surely never was taken; `refuses` by a login that is refused;
    `lost` where a request that must not be repeated (`posts_once`) may have arrived.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Auth,
        timeout: float,
        name: str,
        check: str,
        retry: Retry | None = None,
        trouble: Trouble | None = None,
        posts_once: bool = False,
        down: Errors = HttpError,
        limited: Errors | None = None,
        refuses: Errors = HttpError,
        lost: Errors = HttpError,
        on_answer: Callable[[Mapping[str, str]], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.url = self._first_url = url.rstrip("/")
        self.name = name
        self.requests = 0
        self.clock, self.sleep = clock, sleep
        self._auth = auth
        self._posts_once = posts_once
        self._trouble = trouble
        self._timeout = timeout
        self._check = check
        self._retry = retry or Retry()
        self._down, self._refuses, self._lost = down, refuses, lost
        self._limited = limited or down
        self._on_answer = on_answer
        self._wall, self._chance = wall, chance
        self._not_before = 0.0
        self._has_answered = False
        self._of_thread = threading.local()
        self._sessions: list[requests.Session] = []
        self._shared = threading.Lock()
        self._login = threading.Lock()
        self._is_closed = False

    def post(
        self,
        path: str,
        body: bytes,
        more: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Reply:
        """Post JSON, as `request`; `more` are other headers."""
        headers = {"Content-Type": "application/json", **(more or {})}
        return self.request(method, path, once=self._posts_once, data=body, headers=headers)

    def request(self, method: str, path: str, **options: Any) -> Reply:
        """Ask, logged in; where the login is no longer good, with a new one, once."""
        with self._login:
            self._auth.prepare(self)
        reply = self.send(method, self.url + path, auth=self._auth, **options)
        if reply.status == 401 and self._auth.renew():
            with self._login:
                self._auth.prepare(self)
            reply = self.send(method, self.url + path, auth=self._auth, **options)
        return reply

    def send(
        self,
        method: str,
        url: str,
        *,
        auth: Auth,
        once: bool = False,
        into: Path | None = None,
        most_bytes: int = LONGEST_ANSWER,
        **options: Any,
    ) -> Reply:
        """Ask until there is an answer that is neither "wait" nor "I failed".

        429 waits for the window's end; 5xx, 408, timeouts and broken connections are tried again
        with growing pauses. `once`: only what surely never arrived is tried again.
        """
        started = self.clock()
        rate_waited, failures, attempts, limited = 0.0, 0, 0, 0
        while True:
            self._wait_for_window()
            if self._is_closed:
                raise self._down(f"The connection to {self.name} was closed.", where=self.url)
            attempts += 1
            with self._shared:
                self.requests += 1
            try:
                answer = exchange(
                    self._session(),
                    method,
                    url,
                    timeout=self._timeout,
                    most_bytes=most_bytes,
                    into=into,
                    auth=auth,
                    **options,
                )
            except requests.RequestException as error:
                trouble, may_repeat = plain_trouble(error, self._timeout), never_left(error)
            else:
                self._has_answered = True
                self._note(answer.headers)
                said = self._trouble(answer.status, answer.content) if self._trouble else None
                if answer.status == 429 or said == "limited":
                    limited += 1
                    too_long = self._down if failures else self._limited
                    rate_waited += self._wait_after_429(
                        answer.headers, rate_waited, limited, too_long
                    )
                    continue
                if answer.status not in RETRIED_STATUSES and said is None:
                    return Reply(answer.status, answer.content, answer.headers, attempts)
                trouble, may_repeat = f"it answered {answer.status}", False
            if once and not may_repeat:
                raise self._lost(
                    f"Whether {self.name} took a request is unknown: {trouble}. It is not sent "
                    "again, for it may have arrived.",
                    where=self.url,
                    fix=f"Look there for it. {AGAIN}",
                )
            failures += 1
            pause = self._retry.pause(failures, self._chance())
            spent = self.clock() - started - rate_waited
            most = self._retry.attempts
            if not self._has_answered:
                most = min(most, self._retry.first_contact)
            if failures >= most or spent + pause > self._retry.budget:
                raise self._down(
                    f"{self.name} is down: {trouble} ({failures} attempts in {spent:.0f} seconds).",
                    where=self.url,
                    fix=f"{self._check} {AGAIN}",
                )
            self.sleep(pause)

    def refused(self, what: str, fix: str) -> MadangError:
        """Return the error for a login that does not let us in: `what` follows the name."""
        joint = "" if what.startswith(("'", " ")) else " "
        return self._refuses(f"{self.name}{joint}{what}.", where=self._first_url, fix=fix)

    def redact(self, text: str) -> str:
        """Take the key out of a text."""
        return self._auth.redact(text)

    def close(self) -> None:
        """Give the connections back; a thread that is still waiting to try again raises `down`."""
        self._is_closed = True
        for one in self._sessions:
            one.close()

    def _session(self) -> requests.Session:
        """Return the connection of this thread."""
        made = getattr(self._of_thread, "session", None)
        if made is None:
            made = self._of_thread.session = session()
            made.headers["User-Agent"] = "madang"
            if is_loopback(self._first_url):
                made.trust_env = False  # a proxy cannot reach this machine's own loopback
            with self._shared:
                self._sessions.append(made)
        return made

    def _note(self, headers: Mapping[str, str]) -> None:
        """When the window is used up, do not knock again before it ends."""
        if self._on_answer is not None:
            self._on_answer(headers)
        if is_used_up(headers):
            wait = seconds_to_wait(headers, self._wall())
            if wait is not None and wait <= self._retry.longest_rate_wait:
                self._close_window(wait)

    def _close_window(self, seconds: float) -> float:
        """Let no connection knock before; return the moment."""
        with self._shared:
            self._not_before = max(self._not_before, self.clock() + seconds)
            return self._not_before

    def _open_window(self, closed_until: float) -> None:
        with self._shared:
            if self._not_before <= closed_until:
                self._not_before = 0.0

    def _wait_for_window(self) -> None:
        closed_until = self._not_before
        if closed_until and (wait := closed_until - self.clock()) > 0:
            self.sleep(min(wait, self._retry.longest_rate_wait))
        self._open_window(closed_until)

    def _wait_after_429(
        self, headers: Mapping[str, str], waited: float, limited: int, too_long: Errors
    ) -> float:
        """Sleep until the window's end; return for how long. Raises `too_long`.

        A window that is over and still refuses is not believed: the pauses grow as without one.
        """
        wait = seconds_to_wait(headers, self._wall())
        if wait is None or (wait < 0.05 and limited > 1):
            wait = self._retry.pause(limited, self._chance())
        wait = max(wait, 0.05)
        if waited + wait > self._retry.longest_rate_wait:
            raise too_long(
                f"{self.name}'s rate limit is used up for {wait:.0f} more seconds (429); with the "
                f"{waited:.0f} before, that is longer than a run may wait "
                f"({self._retry.longest_rate_wait:.0f}).",
                where=self.url,
                fix=AGAIN,
            )
        closed_until = self._close_window(wait)
        self.sleep(wait)
        self._open_window(closed_until)
        return wait
