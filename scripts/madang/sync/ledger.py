"""The ledger: what was planned and sent, as tables of the warehouse that dbt reads back."""

import logging
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from madang.settings.workspace import Settings
from madang.specs import package
from madang.specs.located_yaml import load_located
from madang.sync import SyncError, files
from madang.sync.destinations.base import Polls
from madang.sync.destinations.registry import MODULES, entry_of
from madang.sync.journal import Journal, Run, UnreadableRun
from madang.warehouse import Warehouse

LAYER = "ledger"
SOURCES = Path("models") / "staging" / "sync" / "_ledger__sources.yml"
#: The run itself comes last: whoever finds it finds all.
TABLES_OF_A_RUN = (
    "sync_deliveries",
    "sync_rejects",
    "sync_batches",
    "sync_run_counts",
    "sync_runs",
)
#: The objects of a run by number, with their batch's fate. What has an entry has one of its own;
#: a batch that was refused whole has sent nothing. Runs of an earlier version have entries alone.
PLACES = """
create table places as
select
    unnest(generate_series(split_part(span, '-', 1)::int64, split_part(span, '-', 2)::int64))
        as object_no,
    batch_no
from (
    select unnest(string_split(numbers, ',')) as span, batch_no
    from batches
    where numbers is not null and status <> 'refused'
)
"""
log = logging.getLogger(__name__)


@cache
def columns(project_dir: Path) -> dict[str, dict[str, str]]:
    """Return name and type of every column of every ledger table, as dbt's source declares them."""
    path = package.home(project_dir) / SOURCES
    if not path.is_file():
        raise SyncError(
            "The declaration of the ledger tables is missing from the dbt project.",
            where=str(path),
            fix="Restore the file from Madang's repository.",
        )
    declared, _ = load_located(path)
    (source,) = declared["sources"]
    return {
        table["name"]: {column["name"]: column["data_type"] for column in table["columns"]}
        for table in source["tables"]
    }


def ensure(warehouse: Warehouse, project_dir: Path) -> None:
    """Create the ledger tables that are missing, empty, and the columns that one was made without.

    Nobody else changes a ledger's columns while a command holds the journal's lock.
    """
    warehouse.ensure_layer(LAYER)
    there = warehouse.columns(LAYER)
    for table, declared in columns(project_dir).items():
        relation = warehouse.relation(LAYER, table)
        if table not in there:
            listed = ", ".join(f"{name} {kind}" for name, kind in declared.items())
            warehouse.execute(f"create table {relation} ({listed})")
            continue
        for name, kind in declared.items():
            if name not in there[table]:
                warehouse.execute(f"alter table {relation} add column {name} {kind}")


def next_number(warehouse: Warehouse) -> int:
    """Return the place in the ledger's order of the plan or run that is entered next.

    Order is by this number and never by a clock, which may be set back or run ahead. Rows that are
    older than the number have none, and come before all others.
    """
    both = " union all ".join(
        f"select max(ledger_no) as ledger_no from {warehouse.relation(LAYER, table)}"
        for table in ("sync_plans", "sync_runs")
    )
    (row,) = warehouse.fetch(
        f"select coalesce(max(ledger_no), 0) + 1 as n from ({both}) as numbers"
    )
    return int(row["n"])


def newest_first(warehouse: Warehouse, table: str, name: str) -> str:
    """Return what to order plans or runs by, also of a ledger that no newer command has met."""
    numbered = "ledger_no" in warehouse.columns(LAYER).get(table, ())
    return f"coalesce(ledger_no, 0) desc, {name} desc" if numbered else f"{name} desc"


def append(
    settings: Settings, warehouse: Warehouse, table: str, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Add plain rows to a ledger table."""
    with files.scratch(settings, files.MEMORY) as (connection, folder):
        path = folder / f"{table}.parquet"
        files.load(connection, folder, "added", columns(settings.project_dir)[table], rows)
        files.write(connection, "select * from added", path)
        warehouse.append(LAYER, table, path)


def recover(settings: Settings, warehouse: Warehouse, journal: Journal) -> None:
    """Fold every run that ended, or died, before its entries reached the warehouse.

    Must be called under the journal's lock: a run that still stands as `running` has then died.
    Raises SyncError for a run of a plan that neither this warehouse nor this workspace knows, and
    where there is no room for it.
    """
    ensure(warehouse, settings.project_dir)
    for run in journal.unfolded():
        _refuse_foreign(settings, warehouse, run)
        if run.status == "running":
            journal.finish(run.run_id, "interrupted")
        fold(settings, warehouse, journal, run.run_id)
    for which in ("*/spool-*.parquet", "*/.*.partial"):
        for left in settings.paths.plans.glob(which):
            left.unlink(missing_ok=True)  # of a run that died before it stood in the journal


def _refuse_foreign(settings: Settings, warehouse: Warehouse, run: Run) -> None:
    if (settings.paths.plans / run.plan_id).exists():
        return
    plans = warehouse.relation(LAYER, "sync_plans")
    sql = f"select 1 as found from {plans} where plan_id = {files.text(run.plan_id)} limit 1"
    if not warehouse.fetch(sql):
        raise SyncError(
            f"The journal belongs to another workspace: it holds a run of the plan {run.plan_id}, "
            "which neither the warehouse nor this workspace knows.",
            where=str(settings.paths.journal),
            fix="Correct paths.journal in madang.yml: each workspace has a journal of its own.",
        )


def fold(settings: Settings, warehouse: Warehouse, journal: Journal, run_id: str) -> dict[str, int]:
    """Move a run's entries from the journal into the ledger; return rows by delivery status.

    May be repeated after dying half way: every table gets a run's rows in one statement, and those
    that have them are passed over. The run itself comes last, so that whoever finds it finds all;
    until then its number is nobody else's, because runs are folded in their order before a plan.
    """
    run = journal.get(run_id)
    number = next_number(warehouse)
    with files.scratch(settings, files.MEMORY) as (connection, folder):
        try:
            receipts = _receipts(
                connection, folder, journal, run, number, columns(settings.project_dir)
            )
        except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
            if not _is_for_room(error):
                raise UnreadableRun(f"the entries of the run {run_id} cannot be read") from error
            raise SyncError(
                "There is no room to write down what became of a run.",
                where=str(settings.paths.scratch),
                fix="Make room on the disk, then run the command again: nothing is lost by it.",
            ) from error
        except (duckdb.Error, ValueError, TypeError) as error:
            raise UnreadableRun(f"the entries of the run {run_id} cannot be read") from error
        for table in TABLES_OF_A_RUN:
            relation = warehouse.relation(LAYER, table)
            there = f"select count(*) as n from {relation} where run_id = {files.text(run_id)}"
            if warehouse.fetch(there)[0]["n"]:
                continue
            path = folder / f"{table}.parquet"
            if files.write(connection, f"select * from {table}", path):
                warehouse.append(LAYER, table, path, once=("run_id", run_id))
    journal.folded(run_id)
    run.spool.unlink(missing_ok=True)
    return receipts


def _is_for_room(error: Exception) -> bool:
    return not isinstance(error, duckdb.IOException) or "space" in str(error).lower()


def _receipts(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    journal: Journal,
    run: Run,
    number: int,
    declared: dict[str, dict[str, str]],
) -> dict[str, int]:
    """Make the rows of the five tables in memory, each row of the spool with its object's fate."""
    entry = {
        "object_no": "int64",
        "batch_no": "int64",
        **dict.fromkeys(("status", "reason", "problem", "fix"), "string"),
        "recorded_at": "timestamp",
    }
    entries = ({name: row[name] for name in entry} for row in journal.rows("entries", run.run_id))
    files.load(connection, folder, "entries", entry, entries)
    batches = {**declared["sync_batches"], "numbers": "string"}
    files.load(connection, folder, "batches", batches, journal.rows("batches", run.run_id))
    answers_later = run.destination in MODULES and issubclass(
        entry_of(run.destination).destination, Polls
    )
    listed = ", ".join(name for name in declared["sync_batches"] if name != "answers_later")
    connection.execute(
        f"create view sync_batches as select {listed}, if({answers_later}, 'true', null) "
        "as answers_later from batches"
    )
    files.execute(connection, PLACES)
    if run.spool.exists():
        spool = (  # one of an earlier version lacks columns
            f"(select * from read_parquet({files.text(run.spool)}) union all by name "
            "select null::varchar as amount, null::varchar as audience, null::varchar as channel, "
            "null::varchar as match_key, false as was_unknown where false)"
        )
    else:  # deleted by hand: what was sent cannot be told any more, so it is sent again
        log.warning("run %s: %s is missing, its deliveries are forgotten", run.run_id, run.spool)
        spool = (
            "(select 0::int64 as object_no, '' as sync_key, '' as field, '' as operation, "
            "'' as value_hash, '' as amount, '' as audience, '' as channel, '' as match_key, "
            "false as was_unknown, '' as skip_reason where false)"
        )
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set threads = 1")  # each one writes in memory of its own
    fates = folder / "fates.parquet"
    files.write(
        connection,
        f"""
        select
            {files.text(run.run_id)} as run_id,
            {number} as ledger_no,
            {files.text(run.plan_id)} as plan_id,
            {files.text(run.sync)} as sync,
            spool.sync_key,
            spool.field,
            spool.operation,
            spool.value_hash,
            case
                when spool.skip_reason is not null then 'skipped'
                when entries.status is not null then entries.status
                when batches.status = 'unknown' then 'unknown'
                when batches.status is not null then 'accepted'
            end as status,
            coalesce(spool.skip_reason, entries.reason) as reason,
            entries.problem,
            entries.fix,
            coalesce(
                entries.recorded_at,
                batches.finished_at,
                batches.sent_at,
                {files.text(run.started_at)}::timestamp
            ) as recorded_at,
            coalesce(entries.batch_no, places.batch_no) as batch_no,
            spool.amount,
            spool.audience,
            spool.channel,
            spool.match_key,
            coalesce(spool.was_unknown, false) as was_unknown
        from {spool} as spool
        left join places
            on if(spool.skip_reason is null, spool.object_no, null) = places.object_no
        left join batches on places.batch_no = batches.batch_no
        left join entries
            on if(spool.skip_reason is null, spool.object_no, null) = entries.object_no
        """,
        fates,
    )
    connection.execute(f"create view fates as from read_parquet({files.text(fates)})")
    counted = connection.execute(
        "select coalesce(status, 'planned'), count(*) from fates group by 1"
    )
    counts = dict(counted.fetchall())
    for table, condition in (
        ("sync_deliveries", "status is not null"),
        ("sync_rejects", "status = 'rejected'"),
    ):
        listed = ", ".join(declared[table])
        connection.execute(f"create view {table} as select {listed} from fates where {condition}")
    listed = ", ".join(declared["sync_run_counts"])
    connection.execute(
        f"""
        create view sync_run_counts as
        select {listed}
        from (
            select run_id, plan_id, sync, audience, channel, operation, status, reason,
                match_key, null::bigint as batch_no, sum(counted)::bigint as row_count
            from (
                select *, 1 as counted from fates
                where status is not null and not (was_unknown and status = 'skipped')
                union all by name  -- their fate was unknown, and they were sent once more
                select * replace ('unknown' as status, null as reason), -1 as counted
                from fates where status <> 'skipped' and was_unknown
            )
            group by run_id, plan_id, sync, audience, channel, operation, status, reason, match_key
        )
        """
    )
    batches, requests = connection.execute(
        "select count(*), coalesce(sum(attempts), 0) from sync_batches"
    ).fetchall()[0]
    row = {
        "run_id": run.run_id,
        "ledger_no": number,
        "plan_id": run.plan_id,
        "sync": run.sync,
        "destination": run.destination,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "status": run.status,
        "planned": sum(counts.values()),
        "accepted": counts.get("accepted", 0),
        "rejected": counts.get("rejected", 0),
        "skipped": counts.get("skipped", 0),
        "batches": int(batches),
        "requests": max(run.requests, int(requests)),
    }
    files.load(connection, folder, "sync_runs", declared["sync_runs"], [row])
    return counts
