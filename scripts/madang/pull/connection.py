"""One connection to an org: logs in, logs in again, waits and retries, and counts the calls.

Statuses and error codes: https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes
Calls of 24 hours, in the header Sforce-Limit-Info: api-usage=used/allowed:
https://developer.salesforce.com/docs/platform/api-rest/guide/headers-api-usage
"""

import json
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from madang.pull import ObjectFailed, ObjectMissing, PullError
from madang.pull.login import TOKEN_PATH, Login
from madang.sync.destinations import is_loopback
from madang.sync.http import RETRIED_STATUSES, Retry, plain_trouble

USAGE = re.compile(r"(?<![-\w])api-usage=(\d+)/(\d+)")
AGAIN = "Run the same command later: it goes on where it stopped."
BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
CHUNK = 2**18


@dataclass(frozen=True)
class Answer:
    """A good answer. `text` is empty where the body went to a file."""

    text: str
    headers: Mapping[str, str]

    def json(self) -> Any:
        """The body. Numbers stay the text that they were sent as. Raises PullError."""
        try:
            return json.loads(self.text, parse_float=str, parse_int=str)
        except ValueError as error:
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
        clock: Callable[[], float] = time.time,
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
        self._session = requests.Session()
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
        for is_last in (False, True):
            if self._token is None:
                self._log_in()
            url, token = self._instance + path, _Token(self._token)
            found, text = self._send(method, url, into, auth=token, **options)
            if found.status_code == 401 and not is_last:
                self._token = None
                continue
            if found.ok and not found.is_redirect:
                return Answer(text, found.headers)
            self._refuse(found)
        raise AssertionError

    def _log_in(self) -> None:
        """Get a token and the address that it is good for."""
        url = self._org.url.rstrip("/") + TOKEN_PATH
        found, text = self._send("POST", url, None, auth=_Token(None), data=self._login.form())
        told = _json(text)
        if not found.ok or found.is_redirect or not isinstance(told, dict):
            said = told if isinstance(told, dict) else {}
            words = ": ".join(str(said[k]) for k in ("error", "error_description") if said.get(k))
            raise PullError(
                f"Salesforce refused the login ({words or found.status_code}).",
                where=self._org.url,
                fix="Check the client app: its key and secret, the flow that auth names, the user "
                "that it runs as, and that salesforce.url is My Domain's address.",
            )
        instance = str(told.get("instance_url") or self._org.url).rstrip("/")
        if urlsplit(instance).scheme != "https" and not is_loopback(instance):
            raise PullError("Salesforce named an address without encryption.", where=self._org.url)
        if not told.get("access_token"):
            raise PullError("Salesforce's login gave no access token.", where=self._org.url)
        self._token, self._instance = str(told["access_token"]), instance

    def _send(
        self, method: str, url: str, into: Path | None, **options: Any
    ) -> tuple[requests.Response, str]:
        """Ask until there is an answer that is neither "wait" nor "I failed"."""
        started, failures, waited = self.clock(), 0, 0.0
        while True:
            self.requests += 1
            try:
                found = self._session.request(
                    method,
                    url,
                    timeout=self._org.timeout_seconds,
                    allow_redirects=False,
                    stream=into is not None,
                    **options,
                )
                self._note(found.headers)
                text = _body(found, into)
            except BROKEN as error:
                trouble = plain_trouble(error, self._org.timeout_seconds)
            else:
                if found.status_code == 429:
                    waited += self._wait(found.headers, waited)
                    continue
                if found.status_code not in RETRIED_STATUSES:
                    return found, text
                trouble = f"it answered {found.status_code}"
            failures += 1
            pause = self._retry.pause(failures, random.random())
            spent = self.clock() - started - waited
            most = self._retry.attempts
            if self.server_time is None:
                most = min(most, self._retry.first_contact)
            if failures >= most or spent + pause > self._retry.budget:
                raise PullError(
                    f"Salesforce is down: {trouble} ({failures} attempts in {spent:.0f} seconds).",
                    where=urlsplit(url).netloc,
                    fix=f"Check salesforce.url and status.salesforce.com. {AGAIN}",
                )
            self.sleep(pause)

    def _wait(self, headers: Mapping[str, str], waited: float) -> float:
        """Sleep for as long as a 429 says; return for how long."""
        try:
            wait = max(float(headers.get("Retry-After", "")), 0.05)
        except ValueError:
            wait = self._retry.longest_pause
        if waited + wait > self._retry.longest_rate_wait:
            raise PullError("Salesforce keeps asking to come back later (429).", fix=AGAIN)
        self.sleep(wait)
        return wait

    def _note(self, headers: Mapping[str, str]) -> None:
        """Keep the server's clock, cut to whole seconds, and the calls used."""
        try:
            self.server_time = parsedate_to_datetime(headers["Date"]).astimezone(UTC)
        except (KeyError, ValueError, TypeError):
            self.server_time = datetime.fromtimestamp(int(self.clock()), UTC)
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

    def _refuse(self, found: requests.Response) -> NoReturn:
        """Raise for an answer that no repetition will change."""
        told = _json(_text(found))
        first = told[0] if isinstance(told, list) and told and isinstance(told[0], dict) else {}
        code, message = str(first.get("errorCode") or ""), str(first.get("message") or "")
        words = f"{code or found.status_code}: {' '.join(message.split())[:300]}".rstrip(": ")
        if code == "REQUEST_LIMIT_EXCEEDED" and message.startswith("Concurrent"):
            raise PullError("The org works on too many long requests at once.", fix=AGAIN)
        if code == "REQUEST_LIMIT_EXCEEDED":
            raise PullError(
                "The org's API calls of 24 hours are used up.",
                fix=f"{AGAIN} See Setup, System Overview, for who uses them.",
            )
        if found.status_code == 410 or code == "UNSUPPORTED_API_VERSION":
            fix = "Set salesforce.api_version to one that the org has."
            raise PullError(f"This version of the API is no longer there ({words}).", fix=fix)
        if found.status_code == 401 or code.startswith("API_"):
            fix = "Give the user of the login the permission 'API Enabled'."
            raise PullError(f"Salesforce does not let the login use its API ({words}).", fix=fix)
        if found.is_redirect:
            fix = "Set salesforce.url to My Domain's present address."
            raise PullError("Salesforce sends us to another address.", fix=fix)
        kind = ObjectMissing if found.status_code == 404 else ObjectFailed
        error = kind(f"Salesforce refused a request ({words}).")
        error.code = code
        raise error


def _body(found: requests.Response, into: Path | None) -> str:
    """Read the body: into a file where it is the data that was asked for."""
    if into is None or not found.ok:
        return found.text
    with into.open("wb") as target:
        for chunk in found.iter_content(CHUNK):
            target.write(chunk)
    return ""


def _text(found: requests.Response) -> str:
    try:
        return found.text
    except RuntimeError:  # its body went to a file
        return ""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
