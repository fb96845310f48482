"""Salesforce: sets fields of contacts, leads and accounts, found by an external id.

The contract, with the vendor's pages:
- https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections-upsert.html
  (200 records of one object, one result for each in the order of the request)
- https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
- https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
- how its answers are read: `salesforce_answers`

The org and the login are those of the pull: `salesforce:` in madang.yml. Setting a field twice
changes nothing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from madang.settings.salesforce import FieldName
from madang.sync.destinations.base import (
    Batch,
    DestinationSettings,
    Entry,
    NoOptions,
    ObjectKind,
    Opening,
    Outcome,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.salesforce_answers import (
    Usage,
    checked,
    is_passing,
    not_there,
    outcome,
    results,
    usage_of,
)

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

RECORDS_LIMIT = 200  # a request
LONGEST_NAME = 40  # characters of a field's name, without __c
QUERY_ROOM = 6_000  # letters of a query in an address
TRIES = 4  # of a record that is locked
LONGEST_LOCK = 8.0  # seconds between two of them


class SalesforceTarget(DestinationSettings):
    """How much goes into one request; the org and the login stand under `salesforce:`."""

    records_per_request: Annotated[int, Field(ge=1, le=RECORDS_LIMIT)] = RECORDS_LIMIT


class RecordOptions(NoOptions):
    """`external_id_field` is the field of the object that holds the sync's key.

    `leaving` is what a field gets that is taken away: null, or false where it is a checkbox.
    """

    external_id_field: FieldName
    create_missing: bool = False
    leaving: bool | str | None = None


class Salesforce:
    """Fields of one object, up to 200 records a request."""

    @classmethod
    def open(cls, opening: Opening) -> "Salesforce":
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
        data = f"/services/data/v{login.org.api_version}"
        return cls(client, data, opening.settings, opening.sends, opening.options, usage)

    def __init__(
        self,
        client: "Client",
        data: str,
        settings: SalesforceTarget,
        name: str,
        options: RecordOptions,
        usage: Usage,
    ) -> None:
        self._client, self._data, self._usage = client, data, usage
        self._object, self._options = API_NAMES.get(name, name), options
        self.objects_per_request = settings.records_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group records, in order."""
        waiting = iter(objects)
        while taken := tuple(islice(waiting, self.objects_per_request)):
            yield Batch(taken, tuple(self._record(one) for one in taken))

    def send(self, batch: Batch) -> Receipt:
        """Send a batch; records that are locked are tried again after a pause."""
        receipt = Receipt()
        self._pass_over_missing(batch, receipt)
        settled = receipt.outcomes.keys()
        waiting = [at for at, one in enumerate(batch.objects) if one.number not in settled]
        for attempt in range(1, TRIES + 1):
            if not waiting:
                break
            reply = self._upsert([batch.encoded[place] for place in waiting])
            receipt.http_status = reply.status
            receipt.attempts += reply.attempts
            locked = []
            for place, result in zip(waiting, results(reply, len(waiting)), strict=True):
                if attempt < TRIES and is_passing(result):
                    locked.append(place)
                else:
                    told = outcome(result, self._client.redact)
                    receipt.outcomes[batch.objects[place].number] = told
            waiting = locked
            if waiting:
                self._client.sleep(min(LONGEST_LOCK, 0.5 * 2**attempt))
        return receipt

    def close(self) -> None:
        self._client.close()

    def _pass_over_missing(self, batch: Batch, receipt: Receipt) -> None:
        """Settle records that are not there: none is made by a removal, nor unless it is said."""
        creates = self._options.create_missing
        asked = [one for one in batch.objects if not creates or _only_removes(one)]
        there = self._existing([one.key for one in asked])
        for one in asked:
            if one.key.lower() not in there:
                gone = Outcome("accepted") if _only_removes(one) else not_there(self._object)
                receipt.outcomes[one.number] = gone

    def _record(self, one: SyncObject) -> bytes:
        record: dict[str, Any] = {
            "attributes": {"type": self._object},
            self._options.external_id_field: one.key,
        }
        for change in one.changes:
            gone = change.value is None
            record[change.field] = self._options.leaving if gone else json.loads(change.value)
        return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()

    def _upsert(self, records: list[bytes]) -> "Reply":
        field = self._options.external_id_field
        path = f"/composite/sobjects/{self._object}/{field}"
        body = b'{"allOrNone":false,"records":[' + b",".join(records) + b"]}"
        headers = {"Content-Type": "application/json"}
        return self._ask("PATCH", path, data=body, headers=headers)

    def _existing(self, keys: list[str]) -> set[str]:
        """Return which keys the org has a record for, in lower case: it compares them so."""
        field, there = self._options.external_id_field, set()
        for piece in _pieces([_quoted(key) for key in keys]):
            query = f"SELECT {field} FROM {self._object} WHERE {field} IN ({', '.join(piece)})"
            reply = self._ask("GET", "/query", params={"q": query})
            while True:
                body = reply.body or {}
                for record in body.get("records", []):
                    there.add(str(record.get(field)).lower())
                following = body.get("nextRecordsUrl")
                if body.get("done") is not False or not isinstance(following, str):
                    break
                reply = self._ask("GET", following.removeprefix(self._data))
        return there

    def _ask(self, method: str, path: str, **options: Any) -> "Reply":
        self._usage.spare()
        reply = self._client.request(method, self._data + path, **options)
        return checked(reply, self._client.redact)


API_NAMES: Mapping[str, str] = {"contact": "Contact", "lead": "Lead", "account": "Account"}


def field_problem(field: str) -> str | None:
    """Say why no record could have a field of this name, or None."""
    is_name = field.replace("_", "a").isalnum() and field.isascii() and not field[:1].isdigit()
    if not is_name or field.lower() in ("id", "attributes"):
        return f"'{field}' is not the API name of a field, such as Madang_Tier__c."
    if len(field.removesuffix("__c")) > LONGEST_NAME or "__" in field.removesuffix("__c"):
        return f"'{field}' is no name that Salesforce takes: {LONGEST_NAME} characters, no __."
    return None


def _only_removes(one: SyncObject) -> bool:
    return all(change.value is None for change in one.changes)


def _quoted(key: str) -> str:
    return "'" + key.replace("\\", "\\\\").replace("'", "\\'") + "'"


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


_KIND = ObjectKind(
    "attributes", keys=("external_id",), field_problem=field_problem, options=RecordOptions
)
ENTRY = Entry(
    settings=SalesforceTarget,
    objects=dict.fromkeys(API_NAMES, _KIND),
    destination=Salesforce,
    sandbox="madang.sandbox.salesforce",
)
