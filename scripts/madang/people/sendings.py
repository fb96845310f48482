"""Reads each sending under a person's keys, from the ledger and the journal of runs at work."""

from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

import duckdb

from madang import ui
from madang.people.identifiers import chunks
from madang.settings.workspace import Settings
from madang.sync import SyncError, files, ledger
from madang.sync.journal import reading
from madang.sync.spec import SyncSpec
from madang.warehouse import Warehouse

#: Of tables that older builds may lack: what is sent of a person by another key than an identifier.
OTHER_KEYS = (
    ("activity", "activities", "activity_id"),
    ("marts", "conversion_uploads", "upload_key"),
)
#: What became of an object by the status of its batch in the journal, where it has no entry.
IN_JOURNAL = {
    None: "not sent yet",
    "sending": "sent, no answer yet",
    "unknown": "unknown",
    "refused": "not sent yet",
}


@dataclass(frozen=True)
class Sending:
    """One key and field that one run sent or skipped. `subject`: its audience and channel."""

    at: datetime | None
    run_id: str
    sync: str
    destination: str
    key: str
    field: str
    subject: str | None
    operation: str
    outcome: str
    reason: str | None
    request: str | None


def sendings(
    settings: Settings, warehouse: Warehouse, keys: dict[str, Collection[str]]
) -> list[Sending]:
    """Return what was sent under the keys of each sync, by sync and time; runs at work come last.

    A killed run stands in the journal until the next command that plans or sends.
    """
    found = [one for name, wanted in keys.items() for one in in_ledger(warehouse, name, wanted)]
    found.sort(key=lambda one: (one.sync, one.at, one.run_id, one.key, one.field))
    try:
        found += _in_journal(settings, keys)
    except SyncError as error:  # the ledger tells of all other runs
        ui.line(f"Runs that were stopped are not shown. {error.message}", "yellow")
    return sorted(found, key=attrgetter("sync"))


def keys_of(warehouse: Warehouse, spec: SyncSpec, person_id: str) -> set[str]:
    """Return by which keys a sync may know a person: identifiers, and what a model says now."""
    rows = warehouse.fetch(
        f"""
        select identifier_type, identifier_value
        from {warehouse.relation("identity", "identity_map")}
        where person_id = ? and identifier_type <> 'device'""",
        [person_id],
    )
    found = {row["identifier_value"] for row in rows}
    found |= {f"{row['identifier_type']}:{row['identifier_value']}" for row in rows}
    for layer, table, column in (("activation", spec.model, "sync_key"), *OTHER_KEYS):
        if warehouse.exists(layer, table):
            relation = warehouse.relation(layer, table)
            sql = f"select distinct {column} as sync_key from {relation} where person_id = ?"
            found |= {row["sync_key"] for row in warehouse.fetch(sql, [person_id])}
    return found - {None}


def in_ledger(warehouse: Warehouse, sync: str, keys: Collection[str]) -> Iterator[Sending]:
    if not warehouse.exists(ledger.LAYER, "sync_deliveries"):
        return
    tables = ("sync_deliveries", "sync_runs", "sync_batches", "sync_rejects", "sync_answers")
    deliveries, runs, batches, rejects, answers = (
        warehouse.relation(ledger.LAYER, table) for table in tables
    )
    for piece, marks in chunks(keys):
        for row in warehouse.fetch(
            f"""
            select deliveries.recorded_at, deliveries.run_id, deliveries.sync,
                runs.destination, deliveries.sync_key as key, deliveries.field,
                deliveries.audience, deliveries.channel, deliveries.operation, deliveries.status,
                deliveries.reason, rejects.problem, batches.remote_reference as request,
                answers.status as answer
            from {deliveries} as deliveries
            left join {runs} as runs
                on replace(deliveries.run_id, '-later', '') = runs.run_id
            left join {batches} as batches
                on runs.run_id = batches.run_id and deliveries.batch_no = batches.batch_no
            left join {rejects} as rejects
                on deliveries.run_id = rejects.run_id
                and deliveries.sync_key = rejects.sync_key
                and deliveries.field = rejects.field
            left join {answers} as answers
                on batches.run_id = answers.run_id and batches.batch_no = answers.batch_no
                and deliveries.run_id = answers.run_id
            where deliveries.sync = ? and deliveries.sync_key in ({marks})""",
            [sync, *piece],
        ):
            status, answer = row.pop("status"), row.pop("answer")
            subject = subject_of(row.pop("audience"), row.pop("channel"))
            reasons = dict.fromkeys(filter(None, (row.pop("reason"), row.pop("problem"))))
            row["destination"] = row["destination"] or ""
            outcome = f"{status}, answered later: {answer}" if answer else status
            at, reason = row.pop("recorded_at"), "; ".join(reasons) or None
            yield Sending(at, subject=subject, outcome=outcome, reason=reason, **row)


def _in_journal(settings: Settings, keys: dict[str, Collection[str]]) -> Iterator[Sending]:
    """Yield what runs that are at work, or were killed, sent or are to send."""
    if not settings.paths.journal.is_file():
        return
    with reading(settings.paths.journal) as journal:
        names = {name for (name,) in journal.execute("select name from sqlite_master")}
        if "runs" not in names:
            return
        for run_id, sync, destination, spool in journal.execute(
            "select run_id, sync, destination, spool from runs where not is_folded order by rowid"
        ).fetchall():
            entries = {
                number: told
                for number, *told in journal.execute(
                    "select object_no, status, reason, problem, recorded_at from entries "
                    "where run_id = ?",
                    (run_id,),
                )
            }
            batches = journal.execute(
                "select numbers, status, coalesce(finished_at, sent_at), remote_reference "
                "from batches where run_id = ?",
                (run_id,),
            ).fetchall()
            for row in _spooled(spool, keys.get(sync, ())):
                number, key, field, operation, audience, channel, skipped = row
                status, at, request = _of_batch(batches, number)
                outcome, reason = IN_JOURNAL.get(status, "accepted"), None
                if number in entries:
                    outcome, why, problem, at = entries[number]
                    reason = "; ".join(dict.fromkeys(filter(None, (why, problem)))) or None
                if skipped:
                    outcome, reason, at = "skipped", skipped, None
                moment = datetime.fromisoformat(at) if at else None
                subject = subject_of(audience, channel)
                yield Sending(
                    moment, run_id, sync, destination, key, field, subject, operation, outcome,
                    reason, request,
                )  # fmt: skip


def _spooled(spool: str, keys: Collection[str]) -> list[tuple]:
    """Return the rows of a run under some keys; none where the run's file is gone."""
    columns = "object_no, sync_key, field, operation, audience, channel, skip_reason"
    try:
        with closing(duckdb.connect()) as connection:
            return connection.execute(
                f"select {columns} from read_parquet({files.text(spool)}) "
                "where list_contains($keys, sync_key) order by object_no, field",
                {"keys": sorted(keys)},
            ).fetchall()
    except duckdb.IOException:
        return []


def _of_batch(batches: list[tuple], number: int) -> tuple[str | None, str | None, str | None]:
    """Return status, moment and request of the batch in which an object is; of none, nothing."""
    for numbers, *told in batches:
        for span in (numbers or "").split(","):
            first, _, last = span.partition("-")
            if first and int(first) <= number <= int(last):
                return tuple(told)
    return None, None, None


def subject_of(audience: str | None, channel: str | None) -> str | None:
    return " ".join(filter(None, (audience, channel))) or None
