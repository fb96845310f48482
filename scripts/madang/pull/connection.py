"""One connection to an org: logs in, logs in again, waits and retries, and counts the calls.

Statuses and error codes: https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes
Calls of 24 hours, in the header Sforce-Limit-Info: api-usage=used/allowed:
https://developer.salesforce.com/docs/platform/api-rest/guide/headers-api-usage
"""

import csv
import json
import math
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NoReturn

import requests
from requests.auth import AuthBase

from madang.http import exchange
from madang.http.address import is_loopback, read_address
from madang.http.exchange import read_json
from madang.pull import ObjectFailed, ObjectMissing, PullError
from madang.pull.login import TOKEN_PATH, Login
from madang.sync.http import RETRIED_STATUSES, Retry, plain_trouble

USAGE = re.compile(r"(?<![-\w])api-usage=(\d{1,15})/(\d{1,15})")
AGAIN = "Run the same command later: it goes on where it stopped."
LONGEST_TEXT = 64 << 20  # bytes of an answer in memory
LONGEST_FILE = 4 << 30  # bytes of a part of a job's result
MISREAD = (
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    ArithmeticError,
    RecursionError,
    csv.Error,
)


@contextmanager
def understood() -> Iterator[None]:
    """Raise ObjectFailed where an answer is read and is not what the API promises."""
    try:
        yield
    except MISREAD as error:
        raise ObjectFailed(
            f"Salesforce's answer is not what its API promises ({type(error).__name__}); none of "
            "it is taken.",
            fix=f"{AGAIN} See whether salesforce.url is My Domain's address.",
        ) from None


@dataclass(frozen=True)
class Answer:
    """A good answer. `text` is empty where the body went to a file."""

    text: str
    headers: Mapping[str, str]

    def json(self) -> Any:
        """The body. Numbers stay the text that they were sent as. Raises PullError."""
        try:
            return json.loads(self.text, parse_float=str, parse_int=str)
        except (ValueError, RecursionError) as error:
            raise PullError(
                "Salesforce answered with something that is no JSON.",
                fix="See whether salesforce.url is My Domain's address, and no proxy's page.",
            ) from error


class _Token(AuthBase):
    """Sets the header itself, because requests lets a .netrc entry replace a plain header."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Connection:
    """Requests to one org, one after the other. Not for use by several threads at once.

    Every method raises PullError when Salesforce is down, refuses the login or has no calls left,
    and ObjectFailed (with `code`, Salesforce's own word) when it refuses this one request.
    """

    def __init__(
        self,
        login: Login,
        retry: Retry | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.requests = 0
        self.used: int | None = None
        self.allowed: int | None = None
        self.server_time: datetime | None = None
        self.sleep, self.clock = sleep, clock
        self._login = login
        self._org = login.org
        self._retry = retry or Retry()
        self._token: str | None = None
        self._instance = ""
        self._session = exchange.session()
        self._session.headers["User-Agent"] = "madang"
        if is_loopback(self._org.url):
            self._session.trust_env = False  # a proxy cannot reach this machine's own loopback

    @property
    def data(self) -> str:
        """The path below which this version of the API lies."""
        return f"/services/data/v{self._org.api_version}"

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        return self._call("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return self._call("POST", path, json=body)

    def delete(self, path: str) -> Answer:
        return self._call("DELETE", path)

    def download(self, path: str, params: Mapping[str, Any], target: Path) -> Answer:
        """Write the answer's body to a file, all of it or an error."""
        return self._call("GET", path, params=params, headers={"Accept": "text/csv"}, into=target)

    def close(self) -> None:
        self._session.close()

    def _call(self, method: str, path: str, *, into: Path | None = None, **options: Any) -> Answer:
        """Ask with a token; where it is no longer good, with a new one, once."""
        self._spare_calls()
        if not isinstance(path, str) or not path.startswith("/"):  # it may be the org's own word
            raise ObjectFailed("Salesforce named a page that is not on its own host.", fix=AGAIN)
        for is_last in (False, True):
            if self._token is None:
                self._log_in()
            url, token = self._instance + path, _Token(self._token)
            found = self._send(method, url, into, auth=token, **options)
            if found.status == 401 and not is_last:
                self._token = None
                continue
            if found.is_good:
                return Answer(_text(found), found.headers)
            self._refuse(found)
        raise AssertionError

    def _log_in(self) -> None:
        """Get a token and the address that it is good for."""
        url = self._org.url.rstrip("/") + TOKEN_PATH
        found = self._send("POST", url, None, auth=_Token(None), data=self._login.form())
        told = read_json(found.content)
        if not found.is_good or not isinstance(told, dict):
            said = told if isinstance(told, dict) else {}
            words = ": ".join(
                str(said[k])[:300] for k in ("error", "error_description") if said.get(k)
            )
            raise PullError(
                f"Salesforce refused the login ({words or found.status}).",
                where=self._org.url,
                fix="Check the client app: its key and secret, the flow that auth names, the user "
                "that it runs as, and that salesforce.url is My Domain's address.",
            )
        instance = str(told.get("instance_url") or self._org.url).rstrip("/")
        try:
            is_safe = read_address(instance).is_safe
        except ValueError:
            raise PullError(
                "Salesforce named an address that cannot be read.", where=self._org.url
            ) from None
        if not is_safe:
            raise PullError("Salesforce named an address without encryption.", where=self._org.url)
        token = told.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
            raise PullError("Salesforce's login gave no access token.", where=self._org.url)
        self._token, self._instance = token, instance

    def _send(self, method: str, url: str, into: Path | None, **options: Any) -> exchange.Answer:
        """Ask until there is an answer that is neither "wait" nor "I failed"."""
        started, failures, waited, limited = self.clock(), 0, 0.0, 0
        while True:
            self.requests += 1
            try:
                found = exchange.exchange(
                    self._session,
                    method,
                    url,
                    timeout=self._org.timeout_seconds,
                    most_bytes=LONGEST_TEXT if into is None else LONGEST_FILE,
                    into=into,
                    **options,
                )
            except requests.RequestException as error:
                trouble = plain_trouble(error, self._org.timeout_seconds)
            else:
                self._note(found.headers)
                if found.status == 429:
                    limited += 1
                    waited += self._wait(found.headers, waited, limited)
                    continue
                if found.status not in RETRIED_STATUSES:
                    return found
                trouble = f"it answered {found.status}"
            failures += 1
            pause = self._retry.pause(failures, random.random())
            spent = self.clock() - started - waited
            most = self._retry.attempts
            if self.server_time is None:
                most = min(most, self._retry.first_contact)
            if failures >= most or spent + pause > self._retry.budget:
                raise PullError(
                    f"Salesforce is down: {trouble} ({failures} attempts in {spent:.0f} seconds).",
                    where=read_address(self._instance or self._org.url).host,
                    fix=f"Check salesforce.url and status.salesforce.com. {AGAIN}",
                )
            self.sleep(pause)

    def _wait(self, headers: Mapping[str, str], waited: float, limited: int) -> float:
        """Sleep for as long as a 429 says, longer where it says so again; return for how long."""
        try:
            wait = float(headers.get("Retry-After", ""))
        except ValueError:
            wait = math.nan
        if not math.isfinite(wait):
            wait = self._retry.longest_pause
        least = 0.05 if limited == 1 else self._retry.pause(limited - 1, random.random())
        wait = max(wait, least)
        if waited + wait > self._retry.longest_rate_wait:
            raise PullError("Salesforce keeps asking to come back later (429).", fix=AGAIN)
        self.sleep(wait)
        return wait

    def _note(self, headers: Mapping[str, str]) -> None:
        """Keep the server's clock, cut to whole seconds, and the calls used."""
        try:
            self.server_time = parsedate_to_datetime(headers["Date"]).astimezone(UTC)
        except (KeyError, ValueError, TypeError, OverflowError):
            self.server_time = datetime.now(UTC).replace(microsecond=0)
        if usage := USAGE.search(headers.get("Sforce-Limit-Info", "")):
            self.used, self.allowed = int(usage[1]), int(usage[2])

    def _spare_calls(self) -> None:
        if self.used is None or not self.allowed:
            return
        if self.used > self.allowed * self._org.max_api_share:
            raise PullError(
                f"{self.used:,} of the org's {self.allowed:,} API calls of 24 hours are used; "
                f"max_api_share leaves the rest to others.",
                fix=f"{AGAIN} Or raise salesforce.max_api_share.",
            )

    def _refuse(self, found: exchange.Answer) -> NoReturn:
        """Raise for an answer that no repetition will change."""
        told = read_json(found.content)
        first = told[0] if isinstance(told, list) and told and isinstance(told[0], dict) else {}
        code, message = str(first.get("errorCode") or ""), str(first.get("message") or "")
        words = f"{code or found.status}: {' '.join(message.split())[:300]}".rstrip(": ")
        if code == "REQUEST_LIMIT_EXCEEDED" and message.startswith("Concurrent"):
            raise PullError("The org works on too many long requests at once.", fix=AGAIN)
        if code == "REQUEST_LIMIT_EXCEEDED":
            raise PullError(
                "The org's API calls of 24 hours are used up.",
                fix=f"{AGAIN} See Setup, System Overview, for who uses them.",
            )
        if found.status == 410 or code == "UNSUPPORTED_API_VERSION":
            fix = "Set salesforce.api_version to one that the org has."
            raise PullError(f"This version of the API is no longer there ({words}).", fix=fix)
        if found.status == 401 or code.startswith("API_"):
            fix = "Give the user of the login the permission 'API Enabled'."
            raise PullError(f"Salesforce does not let the login use its API ({words}).", fix=fix)
        if found.is_redirect:
            fix = "Set salesforce.url to My Domain's present address."
            raise PullError("Salesforce sends us to another address.", fix=fix)
        kind = ObjectMissing if found.status == 404 else ObjectFailed
        error = kind(f"Salesforce refused a request ({words}).")
        error.code = code
        raise error


def _text(found: exchange.Answer) -> str:
    try:
        return found.content.decode()
    except UnicodeDecodeError as error:
        raise PullError("Salesforce answered with something that is no text.", fix=AGAIN) from error
