"""Drains the inbox of calls into the raw layer: every item once, however often it is cut off.

Items land in the raw tables in which files of their source land, as text, with where they came
from: `_file` is the partner and the request (install-co/rq_…), `_sheet` the number of the item in
the request (item 3), `_row` its number in the inbox, which grows in the order of arrival,
`_sha256` the batch. So models order received rows as they order those of a file.

The batch is written down before it lands, and the raw table itself knows by `_sha256` whether it
has landed; so each step may be the last one before a crash.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from madang import scratch, times
from madang.ingest import net
from madang.ingest.calls.inbox import Batch, Inbox, open_inbox
from madang.ingest.errors import LoadError
from madang.ingest.landing.land import LEDGER, LedgerRow, quiet_about_values, record
from madang.ingest.landing.ledger_clock import LedgerClock
from madang.ingest.report import FileReport
from madang.ingest.tables import SourceTable
from madang.settings.workspace import Settings
from madang.warehouse import Warehouse

BATCH = 250_000


def has_waiting(settings: Settings) -> bool:
    """Say whether the receiver took anything that is not in the warehouse yet."""
    if not settings.paths.received.exists():
        return False
    inbox = open_inbox(settings.paths.received)
    try:
        return inbox.waiting_since() is not None
    finally:
        inbox.close()


def waiting(settings: Settings) -> str:
    """Say what the receiver took that is not in the warehouse yet, and since when it waits."""
    if not settings.paths.received.exists():
        return "nothing waits"
    try:
        inbox = open_inbox(settings.paths.received)
    except LoadError as error:
        return error.message
    try:
        counts = inbox.waiting()
        since = inbox.waiting_since()
    finally:
        inbox.close()
    if not counts:
        return "nothing waits"
    told = ", ".join(f"{items:,} {source}" for source, items in counts.items())
    oldest = times.told(since, settings.timezone)
    return f"{told} wait for 'madang load', the oldest since {oldest}"


def drain(
    settings: Settings,
    warehouse: Warehouse,
    tables: Sequence[SourceTable],
    on_step: Callable[[str], object] | None = None,
) -> list[FileReport]:
    """Land what the receiver took, and return one report a source.

    Items of a source that the project no longer declares stay where they are; their report says
    so, and so do those of a source whose items cannot be read (`refused`); the others land. Call it
    under the lock of the workspace. Raises LoadError when the inbox cannot be read, WarehouseError
    when rows cannot be written; the next call goes on from there.
    """
    path = settings.paths.received
    if not path.exists():
        return []
    inbox = open_inbox(path)
    known = {table.label: table for table in tables}
    declared = set(known)
    landed: dict[str, int] = {}
    refused: list[FileReport] = []
    clock = LedgerClock(warehouse)
    try:
        for batch in inbox.batches("landed"):
            inbox.forget_items(batch)
        batches = [batch for batch in inbox.batches("open") if batch.source in known]
        while batches := batches or inbox.begin_batches(known, BATCH):
            for batch in batches:
                if batch.source not in known:
                    continue
                if on_step:
                    on_step(f"received {batch.source}")
                try:
                    with net.one_file(settings):
                        _land(inbox, batch, warehouse, known[batch.source], clock)
                except LoadError as error:
                    refused.append(_refused(path, batch, error))
                    del known[batch.source]
                    continue
                inbox.landed(batch)
                inbox.forget_items(batch)
                landed[batch.source] = landed.get(batch.source, 0) + batch.items
            batches = []
        inbox.forget_requests(datetime.now(UTC) - timedelta(days=settings.receiver.remember_days))
        inbox.wipe()
        strange = {source: n for source, n in inbox.waiting().items() if source not in declared}
    finally:
        inbox.close()
    reports = [
        FileReport(path, source, "loaded", rows=items, loaded=items)
        for source, items in sorted(landed.items())
    ]
    undeclared = [_undeclared(path, source, items) for source, items in strange.items()]
    return reports + refused + undeclared


def _refused(path: Path, batch: Batch, error: LoadError) -> FileReport:
    return FileReport(
        path,
        batch.source,
        "refused",
        skipped_reason=f"{batch.items:,} received items wait and cannot be read: {error.message}",
        fix=error.fix,
    )


def _undeclared(path: Path, source: str, items: int) -> FileReport:
    return FileReport(
        path,
        source,
        "held",
        rows=items,
        skipped_reason=f"{items:,} received items wait: no source of the project is {source}.",
        fix="Put its table back into a _<source>__sources.yml, and load again.",
    )


def _land(
    inbox: Inbox, batch: Batch, warehouse: Warehouse, table: SourceTable, clock: LedgerClock
) -> None:
    """Append the rows of a batch to the raw table, unless they are there, and enter the ledger."""
    loaded_at = clock.now()
    with scratch.folder(warehouse.scratch) as folder:
        lines = folder / "items.ndjson"
        digest = _spool(inbox, batch, lines)
        if batch.sha256:
            digest = batch.sha256
        else:
            inbox.spooled(batch, digest)
        columns = list(dict.fromkeys([*(c.name for c in table.columns), *batch.columns]))
        parquet = _as_parquet(lines, columns, batch.columns, digest, loaded_at)
        warehouse.append("raw", table.identifier, parquet, once=("_sha256", digest))
    if not _is_recorded(warehouse, digest):
        entry = LedgerRow(
            source=table.label,
            file=inbox.path.name,
            sha256=digest,
            sheet=None,
            rows=batch.items,
            loaded=batch.items,
            rejected=0,
            rejects_file=None,
            loaded_at=loaded_at,
        )
        record(warehouse, [entry])


def _is_recorded(warehouse: Warehouse, sha256: str) -> bool:
    if not warehouse.exists("raw", LEDGER):
        return False
    ledger = warehouse.relation("raw", LEDGER)
    return bool(warehouse.fetch(f"select 1 as there from {ledger} where sha256 = ?", [sha256]))


def _spool(inbox: Inbox, batch: Batch, path: Path) -> str:
    """Write the rows of a batch as lines of JSON; return the SHA-256 of them."""
    digest = hashlib.sha256()
    with path.open("wb") as target:
        for line in inbox.lines_of(batch):
            data = line.encode() + b"\n"
            digest.update(data)
            target.write(data)
    return digest.hexdigest()


def _as_parquet(
    lines: Path, columns: Sequence[str], given: Sequence[str], sha256: str, loaded_at: datetime
) -> Path:
    """Write spooled rows as Parquet: the texts under their columns, and where they came from."""
    parquet = lines.with_suffix(".parquet")
    place = {name: at for at, name in enumerate(given, start=1)}
    texts = ", ".join(
        (f"t[{place[name]}]" if name in place else "null::varchar") + f' as "{name}"'
        for name in columns
    )
    with scratch.database(lines.parent, threads=1) as connection, quiet_about_values():
        connection.execute(
            f"""
            copy (
                select {texts}, f as _file, s as _sheet, r as _row,
                    $sha256::varchar as _sha256, $loaded_at::timestamp as _loaded_at
                from read_json($lines, format = 'newline_delimited',
                    columns = {{f: 'varchar', s: 'varchar', r: 'bigint', t: 'varchar[]'}})
            ) to '{str(parquet).replace("'", "''")}' (format parquet)
            """,
            {
                "sha256": sha256,
                "loaded_at": loaded_at.replace(tzinfo=None),
                "lines": str(lines),
            },
        )
    return parquet
