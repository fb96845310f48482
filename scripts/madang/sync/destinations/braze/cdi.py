"""Braze Cloud Data Ingestion: an outbox in the warehouse, which Braze reads by itself.

The contract, with the vendor's pages:
- https://www.braze.com/docs/user_guide/data/unification/cloud_ingestion/table_setup (one identifier
  a row; a row at the last updated_at that was read is read again, an earlier one never, and one
  that lies ahead moves the mark ahead)
- https://www.braze.com/docs/api/endpoints/cdi/get_job_sync_status (how far it has read)

A row is one user and what changed; null takes an attribute away. The moments of rows strictly rise,
also where this machine's clock is set back. A row is accepted when it lies in the outbox; that it
was read is asked for later (`poll`). The same changes laid out twice change nothing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from madang.specs.strict import EnvironmentName, HttpAddress, matching
from madang.sync import DestinationDown
from madang.sync.clock import stamp, utc_now
from madang.sync.destinations.base import (
    ACCEPTED,
    Batch,
    DestinationSettings,
    Entry,
    Later,
    Look,
    ObjectKind,
    Opening,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.batches import within_limits
from madang.sync.destinations.braze.destination import Braze, data_points, field_problem
from madang.sync.destinations.braze.keys import KeyOptions, id_of
from madang.sync.destinations.braze.sending import Sending
from madang.sync.destinations.rows import plain

if TYPE_CHECKING:
    from madang.http.client import Client
    from madang.settings.workspace import Settings
    from madang.sync.spec import SyncSpec
    from madang.warehouse import Warehouse

NAME = "braze_cdi"  # of the destination
TABLE = "braze_outbox"  # of the ledger; stg_sync__braze_outbox is what Braze reads
ROWS = 10_000  # written at once
MOST_BYTES = 1 << 26
PERMISSION = "cdi.integration_job_status"
MOST_PAGES = 10  # of ten pulls each, newest first
NEXT = re.compile(r'cursor=([^>&\s]+)>;\s*rel="next"')
READ = {"success": "applied", "partial": "partial"}


class BrazeCdiSettings(DestinationSettings):
    """One integration of Cloud Data Ingestion. `url` and key are asked how far Braze has read.

    `keep_days`: for how long a row stays in the outbox.
    """

    url: HttpAddress
    key_env: EnvironmentName
    integration_id: Annotated[str, matching(r"[0-9a-f-]{8,64}", "the id of an integration")]
    keep_days: Annotated[int, Field(ge=1, le=365)] = 30
    timeout_seconds: Annotated[float, Field(gt=0)] = 30


class OutboxOptions(KeyOptions):
    """`hold_days`: for how long who left an audience is kept in Braze."""

    hold_days: Annotated[int, Field(ge=1, le=30)] | None = None


class BrazeCdi:
    """Rows of the outbox. One that is wanted is written; Braze comes for it when it comes."""

    objects_per_request = ROWS

    @classmethod
    def open(cls, opening: Opening) -> "BrazeCdi":
        """Raises ConfigError where the key is missing."""
        from madang.http.auth import Bearer

        key = opening.secret("key_env", f"a REST API key that may call {PERMISSION}")
        check = "Check the address in madang.yml and Braze's status page."
        http = opening.client("Braze", Bearer(key), check)
        return cls(opening.workspace, opening.settings, http)

    def __init__(self, workspace: "Settings", settings: BrazeCdiSettings, http: "Client") -> None:
        self._workspace, self._settings, self._http = workspace, settings, http
        self._sending = Sending(http, PERMISSION)
        self._pulls: list[dict[str, Any]] | None = None
        self._written = 0

    @property
    def requests(self) -> int:
        return self._http.requests + self._written

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group users, in order."""
        encoded = ((one, plain(payload(one)).encode()) for one in objects)
        return within_limits(encoded, ROWS, MOST_BYTES)

    def send(self, batch: Batch) -> Receipt:
        """Lay rows into the outbox, in one piece. Raises DestinationDown where it is not free."""
        from madang.sync import ledger
        from madang.warehouse import WarehouseError, open_warehouse

        try:
            with open_warehouse(self._workspace) as warehouse:
                relation = warehouse.relation(ledger.LAYER, TABLE)
                first = after(utc_now(), *_laid_out(warehouse))
                rows = list(rows_of(batch, first))
                ledger.append(self._workspace, warehouse, TABLE, rows)
                oldest = stamp(first - timedelta(days=self._settings.keep_days))
                warehouse.execute(
                    f"delete from {relation} where updated_at < cast(? as timestamp)", [oldest]
                )
        except WarehouseError as error:
            raise DestinationDown(
                f"The outbox cannot be written: {error.message}",
                where=error.where,
                fix=error.fix or "Run the same command later: it goes on where it stopped.",
            ) from error
        self._written += 1
        reference = rows[-1]["updated_at"].replace(" ", "T")
        return Receipt({one.number: ACCEPTED for one in batch.objects}, None, 1, reference)

    def poll(self, remote_reference: str) -> Later | None:
        """Say whether Braze has read up to a row; None while it has not, or is not known to."""
        if self._pulls is None:
            self._pulls = list(self._read_pulls())
        return fate(self._pulls, moment_of(remote_reference))

    def delete(self, keys: Sequence[str]) -> int | None:
        """Delete users in Braze for good; their rows leave the outbox with the ledger's."""
        return Braze(self._http).delete(keys)

    def look(self, syncs: "Sequence[SyncSpec]") -> Iterator[Look]:
        """Ask for the integration and how its last pull ended."""
        name = f"integration {self._settings.integration_id}"
        reply = self._http.request("GET", self._path())
        body = reply.body or {}
        results = body.get("results")
        if reply.status != 200 or not isinstance(results, list):
            words = self._sending.clean(str(body.get("message") or f"HTTP {reply.status}"))
            fix = f"Check integration_id, and give the REST API key the permission {PERMISSION}."
            yield Look(name, "problem", words, fix)
            return
        last = str((results[0] or {}).get("job_status", "")).lower() if results else "none yet"
        is_bad = last not in ("success", "running", "none yet")
        fix = "See the log of the sync in Braze under Data Settings > Cloud Data Ingestion."
        yield Look(
            name, "warning" if is_bad else "ok", f"last pull: {last}", fix if is_bad else None
        )

    def close(self) -> None:
        self._http.close()

    def _path(self) -> str:
        return f"/cdi/integrations/{self._settings.integration_id}/job_sync_status"

    def _read_pulls(self) -> Iterator[dict[str, Any]]:
        """Yield the last pulls, newest first. Raises DestinationRefused by a refusal."""
        path = self._path()
        for _ in range(MOST_PAGES):
            reply = self._http.request("GET", path)
            body = reply.body or {}
            results = body.get("results")
            if reply.status != 200 or not isinstance(results, list):
                words = self._sending.clean(str(body.get("message") or f"HTTP {reply.status}"))
                raise self._sending.refused(reply.status, words)
            yield from (one for one in results if isinstance(one, dict))
            found = NEXT.search(reply.headers.get("Link", ""))
            if found is None:
                return
            path = f"{self._path()}?cursor={found[1]}"


def _laid_out(warehouse: "Warehouse") -> Iterator[datetime]:
    """Yield the moments of the last rows: of those that are there, and of all that runs laid out.

    An erasure deletes rows, and Braze's mark stays where it is.
    """
    from madang.sync import ledger

    outbox, batches, runs = (
        warehouse.relation(ledger.LAYER, name) for name in (TABLE, "sync_batches", "sync_runs")
    )
    for row in warehouse.fetch(f"select max(updated_at) as moment from {outbox}"):
        if row["moment"] is not None:
            yield row["moment"]
    for row in warehouse.fetch(
        f"select max(remote_reference) as reference from {batches} where run_id in "
        f"(select run_id from {runs} where destination = '{NAME}')"
    ):
        if row["reference"]:
            yield moment_of(row["reference"])


def after(now: datetime, *last: datetime) -> datetime:
    """Return the moment of the next row: now, and later than every row that there was."""
    zoned = (one.replace(tzinfo=UTC) if one.tzinfo is None else one for one in last)
    return max(now, *(one + timedelta(microseconds=1) for one in zoned)) if last else now


def rows_of(batch: Batch, first: datetime) -> Iterator[dict[str, Any]]:
    """Yield the rows of the outbox, each a microsecond after the one before."""
    for place, (one, encoded) in enumerate(zip(batch.objects, batch.encoded, strict=True)):
        ids = id_of(one.key)
        alias = ids.pop("user_alias", {})
        yield {
            "updated_at": stamp(first + timedelta(microseconds=place)),
            "sync_key": one.key,
            "external_id": None,
            "braze_id": None,
            "email": None,
            "phone": None,
            **ids,
            "alias_name": alias.get("alias_name"),
            "alias_label": alias.get("alias_label"),
            "payload": encoded.decode(),
        }


def payload(one: SyncObject) -> dict[str, Any]:
    """Return what changed of a user; null takes an attribute away. It names no id."""
    import json

    return {
        change.field: None if change.value is None else json.loads(change.value)
        for change in one.changes
    }


def fate(pulls: Sequence[dict[str, Any]], moment: datetime) -> Later | None:
    """Say what became of rows up to a moment: the first pull that read so far took them."""
    for pull in reversed(pulls):
        status = READ.get(str(pull.get("job_status", "")).lower())
        try:
            read = moment_of(pull["last_timestamp_synced"])
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        if status is None or read < moment:
            continue
        failed = pull.get("rows_failed_with_errors")
        problem = f"{failed} rows of a pull failed in Braze" if status == "partial" else None
        return Later(status, problem)
    return None


def moment_of(text: str) -> datetime:
    """Return a moment that is written in ISO 8601; without a zone it is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


ENTRY = Entry(
    settings=BrazeCdiSettings,
    objects={
        "outbox": ObjectKind(
            "attributes",
            keys=("external_id", "in_order"),
            field_problem=field_problem,
            options=OutboxOptions,
            forecast=data_points,
        ),
    },
    destination=BrazeCdi,
    sandbox="madang.sandbox.braze_cdi",
)
