"""One connection to an org: logs in, logs in again, waits and retries, and counts the calls.

Statuses and error codes: https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes
Calls of 24 hours, in the header Sforce-Limit-Info: api-usage=used/allowed:
https://developer.salesforce.com/docs/platform/api-rest/guide/headers-api-usage
"""

import csv
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NoReturn

from madang.http.auth import Token
from madang.http.client import AGAIN, Client, Reply
from madang.http.exchange import read_json
from madang.http.retry import Retry
from madang.pull import ObjectFailed, ObjectMissing, PullError
from madang.pull.login import LOGIN_FIX, TOKEN_PATH, Login

USAGE = re.compile(r"(?<![-\w])api-usage=(\d{1,15})/(\d{1,15})")
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
        self.used: int | None = None
        self.allowed: int | None = None
        self.server_time: datetime | None = None
        self.sleep, self.clock = sleep, clock
        self._org = login.org
        url = self._org.url.rstrip("/")
        self._client = Client(
            url,
            auth=Token(url + TOKEN_PATH, login.grant, fix=LOGIN_FIX, names_host=True),
            timeout=self._org.timeout_seconds,
            name="Salesforce",
            check="Check salesforce.url and status.salesforce.com.",
            retry=retry,
            down=PullError,
            refuses=PullError,
            on_answer=self._note,
            clock=clock,
            sleep=sleep,
        )

    @property
    def requests(self) -> int:
        """How many requests were made so far."""
        return self._client.requests

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
        self._client.close()

    def _call(self, method: str, path: str, *, into: Path | None = None, **options: Any) -> Answer:
        self._spare_calls()
        if not isinstance(path, str) or not path.startswith("/"):  # it may be the org's own word
            raise ObjectFailed("Salesforce named a page that is not on its own host.", fix=AGAIN)
        most = LONGEST_TEXT if into is None else LONGEST_FILE
        found = self._client.request(method, path, into=into, most_bytes=most, **options)
        if not found.is_good:
            self._refuse(found)
        return Answer(_text(found), found.headers)

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

    def _refuse(self, found: Reply) -> NoReturn:
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


def _text(found: Reply) -> str:
    try:
        return found.content.decode()
    except UnicodeDecodeError as error:
        raise PullError("Salesforce answered with something that is no text.", fix=AGAIN) from error
