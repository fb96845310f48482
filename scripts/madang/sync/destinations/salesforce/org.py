"""One connection to an org: queries, and collections of records that are tried again when locked.

Collections: https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from madang.sync import DestinationUnclear
from madang.sync.destinations.base import Opening, Receipt
from madang.sync.destinations.rows import plain
from madang.sync.destinations.salesforce.answers import (
    Usage,
    checked,
    is_locked,
    is_passing,
    results,
    usage_of,
)

if TYPE_CHECKING:
    from madang.http.client import Client, Reply
    from madang.settings.salesforce import SalesforceSettings

QUERY_ROOM = 6_000  # letters of a query in an address
TRIES = 4  # of a record that is locked, and of something that is made once
LONGEST_LOCK = 8.0  # seconds between two of them
Told = tuple[int, dict[str, Any]]  # the place of a record in what was written, and its result


class OrgConnection:
    """Requests to the org of `salesforce:` in madang.yml, by the login of the pull."""

    @classmethod
    def open(cls, opening: Opening) -> "OrgConnection":
        """Raises ConfigError where madang.yml has no `salesforce:` or a secret is missing."""
        from madang.http.auth import Token
        from madang.pull.login import LOGIN_FIX, TOKEN_PATH, Login

        login = Login(opening.workspace, opening.environ)
        url = login.org.url.rstrip("/")
        usage = Usage(login.org.max_api_share)
        client = opening.client(
            "Salesforce",
            Token(url + TOKEN_PATH, login.grant, fix=LOGIN_FIX, names_host=True),
            "Check salesforce.url and status.salesforce.com.",
            url=url,
            timeout=login.org.timeout_seconds,
            on_answer=lambda headers: usage_of(headers, usage),
        )
        return cls(client, login.org, usage)

    def __init__(self, client: "Client", org: "SalesforceSettings", usage: Usage) -> None:
        self.client, self.org, self.usage = client, org, usage
        self.data = f"/services/data/v{org.api_version}"

    @property
    def redact(self) -> Callable[[str], str]:
        return self.client.redact

    def ask(self, method: str, path: str, **options: Any) -> "Reply":
        """Ask below the API's version. Raises DestinationRefused, -Down and -Unclear."""
        return checked(self._asked(method, path, **options), self.redact)

    def rows(self, query: str, *, deleted: bool = False) -> Iterator[dict[str, Any]]:
        """Walk to the records of a query, page by page; `deleted`: also those in the bin."""
        reply = self.ask("GET", "/queryAll" if deleted else "/query", params={"q": query})
        while True:
            body = reply.body or {}
            yield from body.get("records", [])
            following = body.get("nextRecordsUrl")
            if body.get("done") is not False or not isinstance(following, str):
                return
            reply = self.ask("GET", following.removeprefix(self.data))

    def rows_in(self, query: str, values: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Walk to the records of a query with %s in the place of a list of values.

        As many queries as it takes, so that each has room in an address.
        """
        for piece in _pieces([quoted(value) for value in values]):
            yield from self.rows(query % ", ".join(piece))

    def collection(
        self, method: str, path: str, records: Sequence[bytes], receipt: Receipt
    ) -> Iterator[Told]:
        """Write up to 200 records; give the result of each with its place, as it is known.

        Records that another change holds, and a request that says so, are tried again.
        """

        def write(places: list[int]) -> "Reply":
            body = b",".join(records[place] for place in places)
            data = b'{"allOrNone":false,"records":[' + body + b"]}"
            return self._asked(
                method, path, data=data, headers={"Content-Type": "application/json"}
            )

        return self._written(write, len(records), receipt)

    def delete(self, ids: Sequence[str], receipt: Receipt) -> Iterator[Told]:
        """Delete up to 200 records by their ids; give the result of each with its place."""

        def write(places: list[int]) -> "Reply":
            asked = {"ids": ",".join(ids[place] for place in places), "allOrNone": "false"}
            return self._asked("DELETE", "/composite/sobjects", params=asked)

        return self._written(write, len(ids), receipt)

    def made_once(
        self, name: str, record: Mapping[str, Any], find: Callable[[], str | None]
    ) -> str:
        """Make a record; where the answer is lost, look whether it is there before another try."""
        for _ in range(TRIES):
            try:
                reply = self.ask("POST", f"/sobjects/{name}", once=True, json=dict(record))
                told = (reply.body or {}).get("id")
                if isinstance(told, str):
                    return told
                raise DestinationUnclear(
                    f"Salesforce did not say the id of a new {name}.",
                    fix="Check salesforce.url: it may be a proxy's. Then run the command again.",
                )
            except DestinationUnclear as lost:
                found, unclear = find(), lost
            if found:
                return found
        raise unclear

    def close(self) -> None:
        self.client.close()

    def _asked(self, method: str, path: str, **options: Any) -> "Reply":
        self.usage.spare()
        return self.client.request(method, self.data + path, **options)

    def _written(
        self, write: Callable[[list[int]], "Reply"], count: int, receipt: Receipt
    ) -> Iterator[Told]:
        waiting = list(range(count))
        for attempt in range(1, TRIES + 1):
            if not waiting:
                break
            if attempt > 1:
                self.client.sleep(min(LONGEST_LOCK, 0.5 * 2 ** (attempt - 1)))
            reply = write(waiting)
            receipt.http_status = reply.status
            receipt.attempts += reply.attempts
            if attempt < TRIES and is_locked(reply):
                continue
            told = results(checked(reply, self.redact), len(waiting))
            locked = []
            for place, result in zip(waiting, told, strict=True):
                if attempt < TRIES and is_passing(result):
                    locked.append(place)
                else:
                    yield place, result
            waiting = locked


def as_json(record: Mapping[str, Any]) -> bytes:
    """Return a record as it stands in a collection."""
    return plain(record).encode()


def quoted(value: str) -> str:
    """Return a text as it stands in a query."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _pieces(texts: list[str]) -> Iterator[list[str]]:
    """Group texts so that each group has room in an address."""
    piece: list[str] = []
    size = 0
    for text in texts:
        if piece and size + len(text) > QUERY_ROOM:
            yield piece
            piece, size = [], 0
        piece.append(text)
        size += len(text) + 2
    if piece:
        yield piece
