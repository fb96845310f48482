"""Marketing Cloud Engagement: rows of data extensions, and entries into journeys.

The contract, with the vendor's pages:
- https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/access-token-s2s
  (client credentials; a token lasts about 20 minutes)
- https://developer.salesforce.com/docs/marketing/marketing-cloud/references/mc_rest_data_extensions/updateDataExtensionIDAsync.html
  (rows are upserted later by the primary key; the answer names the request)
- https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/deleting_a_row_from_a_data_extension_via_the_web_service_api.html
  (a row is deleted by SOAP alone, by its primary key)
- https://developer.salesforce.com/docs/marketing/marketing-cloud/references/mc_rest_interaction/enterContactsIntoJourneyInBatches.html
- contacts are deleted by POST /contacts/v1/contacts/actions/delete?type=keys
- how its answers are read: `sfmc.answers`; what a data extension looks like: `sfmc.columns`

A row may be written and deleted again. An entry starts what a journey says to a person, and nothing
there tells doubles. So entries are messages: each is sent once, and never after a lost answer.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from pydantic import Field

from madang.http.auth import ClientCredentials, Token
from madang.specs.strict import EnvironmentName, HttpAddress, Strict, matching
from madang.sync.destinations.base import (
    Batch,
    Definition,
    DestinationSettings,
    Entry,
    Later,
    Look,
    NoOptions,
    ObjectKind,
    Opening,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.batches import request_of
from madang.sync.destinations.row_columns import ColumnName
from madang.sync.destinations.rows import WrongRow, compact, not_sent
from madang.sync.destinations.sfmc.answers import (
    TOKEN_PLACE,
    deleted,
    deletion,
    entered,
    entries_told,
    forgotten,
    page_of,
    rows_told,
    taken,
    told_state,
)
from madang.sync.destinations.sfmc.columns import (
    Column,
    check_row,
    definition,
    name_problem,
)

if TYPE_CHECKING:
    from requests import PreparedRequest

    from madang.http.client import Client
    from madang.sync.spec import SyncSpec

ROWS_LIMIT = 28_000  # rows a request that production tools send
BYTES_LIMIT = 5_000_000
ENTRIES_LIMIT = 100  # members of one batch of entries
DELETIONS_LIMIT = 100  # objects of one SOAP request; no figure is published
SOAP = "/Service.asmx"
JOURNEY = "journey:"  # begins the reference of a request that is asked about elsewhere
PAGE = 2_500  # results a page
Rows = list[tuple[SyncObject, bytes]]


class SfmcSettings(DestinationSettings):
    """One business unit. Secrets are in the environment variables that are named here.

    `url` is the address of a local server; without it the addresses follow from `subdomain`.
    """

    subdomain: Annotated[
        str, matching(r"mc[a-z0-9-]{26}", "a subdomain: 28 letters and digits that begin with mc")
    ]
    account_id: Annotated[str, matching(r"\d{4,12}", "the MID of a business unit, in quotes")]
    client_id_env: EnvironmentName = "MADANG_SFMC_CLIENT_ID"
    client_secret_env: EnvironmentName = "MADANG_SFMC_CLIENT_SECRET"
    url: HttpAddress | None = None
    rows_per_request: Annotated[int, Field(ge=1, le=ROWS_LIMIT)] = ROWS_LIMIT
    timeout_seconds: Annotated[float, Field(gt=0)] = 120

    def addresses(self) -> dict[str, str]:
        """Return where secrets and rows go, also where no `url` is given."""
        return {"url": self.at("rest")}

    def at(self, part: str) -> str:
        """Return the address of a part: auth, rest or soap."""
        return self.url or f"https://{self.subdomain}.{part}.marketingcloudapis.com"


class RowOptions(NoOptions):
    """`key_column` is the primary key of the data extensions; it holds the contact key.

    `columns` are their other columns, by name.
    """

    key_column: ColumnName = "SubscriberKey"
    columns: dict[ColumnName, Column] = Field(default={})


class Journey(Strict):
    """`event` is the key of the API event; a person enters once, or again after so many days."""

    event: Annotated[
        str, matching(r"[A-Za-z0-9_-]{1,100}", "the key of an event definition, without a period")
    ]
    again_after_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class EntryOptions(RowOptions):
    """`journeys` by audience and channel, such as `buyers_email`."""

    journeys: Annotated[dict[str, Journey], Field(min_length=1)]


class Login(Token):
    """A token of Marketing Cloud's: in a header for REST, in the envelope for SOAP."""

    def __call__(self, request: "PreparedRequest") -> "PreparedRequest":
        body = request.body
        if isinstance(body, bytes) and TOKEN_PLACE in body and self._token:
            request.prepare_body(body.replace(TOKEN_PLACE, self._token.encode()), None)
            return request
        return super().__call__(request)


class Sfmc:
    """Rows of data extensions by external key; entries into journeys by event."""

    @classmethod
    def open(cls, opening: Opening) -> "Sfmc":
        """Raises ConfigError where a secret is missing."""
        settings: SfmcSettings = opening.settings
        grant = ClientCredentials(
            opening.secret("client_id_env", "the client id of an installed package"),
            opening.secret("client_secret_env", "the client secret of an installed package"),
            settings.account_id,
        )
        fix = f"Check the secrets of {opening.where}, its subdomain and account_id."
        url = settings.at("auth") + "/v2/token"
        login = Login(url, grant, fix=fix)
        check = "Check status.salesforce.com."
        client = opening.client("Marketing Cloud", login, check, url=settings.at("rest"))
        return cls(client, login, settings, opening.sends, opening.options)

    def __init__(
        self,
        client: "Client",
        login: Login,
        settings: SfmcSettings,
        sends: str | None,
        options: Any,
    ) -> None:
        self._client, self._login, self._settings = client, login, settings
        self._is_entry = sends == "journey_entry"
        self._options = options if options is not None else RowOptions()
        most = settings.rows_per_request
        self.objects_per_request = min(most, ENTRIES_LIMIT) if self._is_entry else most

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group rows, in order, by data extension or journey, and by what is to be done."""
        taken: list[SyncObject] = []
        encoded: list[bytes] = []
        size, group = 0, ("", False)
        for one in objects:
            field, is_removal = request_of(one)
            body = b"" if is_removal else (one.changes[0].value or "").encode()
            most = DELETIONS_LIMIT if is_removal else self.objects_per_request
            here = (journey_of(field) if self._is_entry else field, is_removal)
            is_full = len(taken) == most or size + len(body) + 1 > BYTES_LIMIT - 100
            if taken and (is_full or here != group):
                yield Batch(tuple(taken), tuple(encoded))
                taken, encoded, size = [], [], 0
            group = here
            taken.append(one)
            encoded.append(body)
            size += len(body) + 1
        if taken:
            yield Batch(tuple(taken), tuple(encoded))

    def send(self, batch: Batch) -> Receipt:
        """Send a batch; a row that cannot be stored is rejected before it is sent."""
        name, is_removal = request_of(batch.objects[0])
        if is_removal:
            return self._delete(name, batch)
        receipt = Receipt()
        good = []
        for place, one in enumerate(batch.objects):
            problem = self.row_problem(self._options, one.key, one.changes[0].value or "")
            if problem:
                receipt.outcomes[one.number] = not_sent(problem)
            else:
                good.append(place)
        if good:
            act = self._enter if self._is_entry else self._upsert
            act(name, [(batch.objects[at], batch.encoded[at]) for at in good], receipt)
        return receipt

    def poll(self, remote_reference: str) -> Later | None:
        """Return what became of a request; None while Marketing Cloud has not picked it up.

        Results are asked for only where the state is not good.
        """
        if remote_reference.startswith(JOURNEY):
            request_id = remote_reference.removeprefix(JOURNEY)
            states = (
                self._entries(request_id, kind) for kind in ("queued", "errored", "processed")
            )
            return entries_told(*states)
        path = f"/data/v1/async/{quote(remote_reference, safe='')}"
        state = told_state(self._client.request("GET", f"{path}/status"))
        if state in (None, "applied"):
            return Later("applied") if state else None
        items: list[dict[str, Any]] = []
        while True:
            params = {"$page": str(len(items) // PAGE + 1), "$pageSize": str(PAGE)}
            found, count = page_of(self._client.request("GET", f"{path}/results", params=params))
            items += found
            if not found or len(items) >= count:
                return rows_told(items, state, self._client.redact)

    def delete(self, keys: Sequence[str]) -> int | None:
        """Delete contacts for good, with their rows in sendable data extensions.

        https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/contacts-delete.html
        """
        body = {"values": list(keys), "deleteOperationType": "ContactAndAttributes"}
        path = "/contacts/v1/contacts/actions/delete?type=keys"
        reply = self._client.post(path, compact(body).encode())
        forgotten(reply, self._client.redact)
        return reply.status

    @classmethod
    def describe(cls, options: RowOptions, fields: Sequence[str]) -> list[Definition]:
        """Return the data extensions that a sync writes to: of entries, those of the events."""
        if isinstance(options, EntryOptions):
            fields = [one.event for one in options.journeys.values()]
        return [definition(field, options.key_column, options.columns) for field in fields]

    @classmethod
    def row_problem(cls, options: RowOptions, key: str, value: str) -> str | None:
        """Say why a row does not fit into its data extension; None where it does."""
        try:
            check_row(value, key, options)
        except WrongRow as wrong:
            return str(wrong)
        return None

    def look(self, syncs: "Sequence[SyncSpec]") -> Iterator[Look]:
        """Ask for a token; what must be there for the syncs is said by `describe`."""
        self._login.prepare(self._client)
        yield Look("login", "ok", f"business unit {self._settings.account_id}")

    def close(self) -> None:
        self._client.close()

    def _upsert(self, name: str, rows: Rows, receipt: Receipt) -> None:
        path = f"/data/v1/async/dataextensions/key:{quote(name, safe='')}/rows"
        body = b'{"items":[' + b",".join(row for _, row in rows) + b"]}"
        headers = {"Content-Type": "application/json"}
        reply = self._client.request("PUT", path, data=body, headers=headers)
        receipt.http_status, receipt.attempts = reply.status, reply.attempts
        outcome, receipt.remote_reference = taken(reply, name, self._client.redact)
        receipt.outcomes |= {one.number: outcome for one, _ in rows}

    def _enter(self, name: str, rows: Rows, receipt: Receipt) -> None:
        journey = self._options.journeys.get(journey_of(name))
        if journey is None:
            problem = f"The sync names no journey '{journey_of(name)[:40]}'."
            receipt.outcomes |= {one.number: not_sent(problem) for one, _ in rows}
            return
        members = b",".join(
            b'{"contactKey":%s,"data":%s}' % (compact(one.key).encode(), row) for one, row in rows
        )
        head = compact(journey.event).encode()
        body = b'{"eventDefinitionKey":%s,"members":[%s]}' % (head, members)
        reply = self._client.post("/interaction/v1/async/events", body)
        receipt.http_status, receipt.attempts = reply.status, reply.attempts
        outcomes, request_id = entered(reply, len(rows), journey.event, self._client.redact)
        numbers = [one.number for one, _ in rows]
        receipt.outcomes |= dict(zip(numbers, outcomes, strict=True))
        receipt.remote_reference = f"{JOURNEY}{request_id}" if request_id else None

    def _delete(self, name: str, batch: Batch) -> Receipt:
        url = self._settings.at("soap") + SOAP
        keys = [one.key for one in batch.objects]
        body = deletion(url, name, self._options.key_column, keys)
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": "Delete"}
        for _ in range(2):  # with a new token where the first is no longer good
            self._login.prepare(self._client)
            reply = self._client.send("POST", url, auth=self._login, data=body, headers=headers)
            if reply.status != 401 or not self._login.renew():
                break
        outcomes = deleted(reply, len(keys), name, self._client.redact)
        numbers = [one.number for one in batch.objects]
        return Receipt(dict(zip(numbers, outcomes, strict=True)), reply.status, reply.attempts)

    def _entries(self, request_id: str, kind: str) -> Any:
        params = {"requestId": request_id, "type": kind, "$pageSize": "1"}
        return self._client.request("GET", "/interaction/v1/async/events/status", params=params)


def journey_of(field: str) -> str:
    """Return the journey of a field such as `buyers_email#2`: the second entry."""
    return field.rpartition("#")[0]


def entry_problem(field: str) -> str | None:
    """Say why a field is no entry of a journey, or None."""
    journey, _, number = field.rpartition("#")
    is_entry = bool(journey) and number.isdecimal()
    return (
        None if is_entry else f"'{field}' is no journey and number of an entry, such as a_email#1."
    )


ENTRY = Entry(
    settings=SfmcSettings,
    objects={
        "data_extension": ObjectKind(
            "members", keys=("contact_key",), field_problem=name_problem, options=RowOptions
        ),
        "journey_entry": ObjectKind(
            "messages", keys=("contact_key",), field_problem=entry_problem, options=EntryOptions
        ),
    },
    destination=Sfmc,
    sandbox="madang.sandbox.sfmc",
)
