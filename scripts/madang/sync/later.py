"""Asks destinations that take a request first what became of it, until they know.

Accepted is not applied. A request that failed there leaves its rows without a fate: the next plan
sends what is still wanted again, because members may be repeated. Of one that failed in part the
destination says how many rows and why, and that is kept. Where it names the rows, each is rejected,
or without a fate when the reason passes.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import attrgetter

from madang.errors import MadangError
from madang.settings.workspace import Settings
from madang.sync import ledger
from madang.sync.clock import stamp, utc_now
from madang.sync.destinations.base import Later, MatchRate, Polls, Prepares
from madang.sync.destinations.registry import entry_of, open_by_name
from madang.sync.journal import locked
from madang.warehouse import Warehouse

WarehouseOpener = Callable[[], AbstractContextManager[Warehouse]]
TABLE = "sync_answers"
MOST_DAYS = 7  # after so long without an answer a request is not asked about any more


@dataclass(frozen=True)
class Asked:
    """A batch that a destination took. `age` is the time since it was sent."""

    run_id: str
    batch_no: int
    sync: str
    destination: str
    remote_reference: str
    age: timedelta


@dataclass(frozen=True)
class Told:
    """A batch and what became of it, which may also be unknown (no answer in days) or waiting."""

    asked: Asked
    became: Later

    @property
    def status(self) -> str:
        return self.became.status

    @property
    def problem(self) -> str | None:
        return self.became.problem

    @property
    def is_whole(self) -> bool:
        """Whether the fate of each row of the batch is known."""
        names = bool(self.became.rows) or self.became.others is not None
        return names or self.status in WHOLE


def ask(settings: Settings, warehouse_opener: WarehouseOpener) -> list[Told]:
    """Ask about every batch that is not settled; keep what is known in the ledger; return it.

    A destination that cannot be asked now keeps the others from nothing: its batches wait on.
    """
    if not any(map(_answers_later, settings.destinations)):
        return []
    with locked(settings.paths.journal) as journal:
        with warehouse_opener() as warehouse:
            ledger.recover(settings, warehouse, journal)
            waiting = _waiting(settings, warehouse)
        told = []
        for name, batches in groupby(waiting, key=attrgetter("destination")):
            told += _ask(settings, name, list(batches))
        settled = [one for one in told if one.status != "waiting"]
        if settled:
            with warehouse_opener() as warehouse:
                _keep(settings, warehouse, settled)
    return told


def settle(
    settings: Settings, warehouse_opener: WarehouseOpener, destination: Prepares, sync: str
) -> None:
    """Wait for what earlier runs of a sync left at work, and keep what became of it.

    Else it could write over what is sent after it. Raises what `wait` raises. Must be called under
    the journal's lock.
    """
    with warehouse_opener() as warehouse:
        waiting = [one for one in _waiting(settings, warehouse) if one.sync == sync]
    settled = [Told(one, destination.wait(one.remote_reference)) for one in waiting]
    if settled:
        with warehouse_opener() as warehouse:
            _keep(settings, warehouse, settled)


def _answers_later(name: str) -> bool:
    return issubclass(entry_of(name).destination, Polls)


def _waiting(settings: Settings, warehouse: Warehouse) -> list[Asked]:
    batches, runs, answers = (
        warehouse.relation(ledger.LAYER, name) for name in ("sync_batches", "sync_runs", TABLE)
    )
    rows = warehouse.fetch(
        f"""
    select batches.run_id, batches.batch_no, runs.sync, runs.destination,
        batches.remote_reference, batches.sent_at
    from {batches} as batches
    inner join {runs} as runs on batches.run_id = runs.run_id
    left join {answers} as answers
        on batches.run_id = answers.run_id and batches.batch_no = answers.batch_no
    where batches.remote_reference is not null and answers.run_id is null
    order by runs.destination, batches.run_id, batches.batch_no"""
    )
    now = utc_now().replace(tzinfo=None)
    return [
        Asked(age=now - row.pop("sent_at").replace(tzinfo=None), **row)
        for row in rows
        if row["destination"] in settings.destinations and _answers_later(row["destination"])
    ]


def _ask(settings: Settings, name: str, batches: list[Asked]) -> list[Told]:
    told: list[Told] = []
    try:
        destination = open_by_name(name, settings)
    except MadangError as error:
        return [Told(one, Later("waiting", error.message)) for one in batches]
    try:
        for one in batches:
            states = [destination.poll(part) for part in one.remote_reference.split()]
            known = [state for state in states if state is not None]
            if len(known) == len(states):
                worst = max(known, key=lambda state: _RANK.index(state.status))
                if len(known) > 1:  # which rows it names is known of one request alone
                    worst = Later(
                        worst.status,
                        worst.problem,
                        warnings=_warnings(known),
                        rate=_rate(known),
                    )
                told.append(Told(one, worst))
            elif one.age > timedelta(days=MOST_DAYS):
                told.append(Told(one, Later("unknown", f"no answer in {MOST_DAYS} days")))
            else:
                told.append(Told(one, Later("waiting")))
    except MadangError as error:
        told += [Told(one, Later("waiting", error.message)) for one in batches[len(told) :]]
    finally:
        destination.close()
    return told


def _warnings(known: list[Later]) -> str | None:
    return ", ".join(one.warnings for one in known if one.warnings) or None


def _rate(known: list[Later]) -> MatchRate | None:
    """Return the match rate of a batch that took several requests: between the ends of all."""
    rates = [one.rate for one in known if one.rate is not None]
    told = [rate for rate in rates if rate.low is not None and rate.high is not None]
    if not told:
        return rates[0] if rates else None
    records = sum(rate.records for rate in told)
    low = sum(rate.low * rate.records for rate in told) // records if records else 0
    high = -(-sum(rate.high * rate.records for rate in told) // records) if records else 100
    return MatchRate(", ".join(dict.fromkeys(rate.words for rate in rates)), low, high, records)


def _told_rate(rate: MatchRate | None) -> dict[str, str | int | None]:
    if rate is None:
        return {}
    return {
        "match_rate": rate.words,
        "match_percent_low": rate.low,
        "match_percent_high": rate.high,
        "match_records": rate.records,
    }


_RANK = ("applied", "partial", "failed")
WHOLE = ("applied", "failed")  # each row has the fate of its batch


def _keep(settings: Settings, warehouse: Warehouse, settled: list[Told]) -> None:
    """Write what is known; the rows of a batch that failed get a fate of their own.

    May be repeated after dying half way, for the answers themselves come last.
    """
    now = stamp(utc_now())
    deliveries = warehouse.relation(ledger.LAYER, "sync_deliveries")
    for one in settled:
        if one.became.others is not None:
            _keep_by_key(settings, warehouse, one, now)
            continue
        fates: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, fate in one.became.rows.items():
            fates[fate].append(place)
        if not fates and one.status != "failed":
            continue
        rest = ("unknown", "failed at the destination") if one.status == "failed" else None
        warehouse.execute(
            f"""
            insert into {deliveries} (run_id, ledger_no, plan_id, sync, sync_key, field,
                operation, value_hash, status, reason, recorded_at, batch_no, amount, audience,
                channel, match_key)
            select concat(run_id, '-later'), ledger_no, plan_id, sync, sync_key, field,
                operation, value_hash, fate, reason_later,
                greatest(cast(? as timestamp), recorded_at), batch_no, amount, audience, channel,
                match_key
            from (
                select *, {_by_place(fates, 0, rest)} as fate,
                    {_by_place(fates, 1, rest)} as reason_later
                from (
                    select *,
                        row_number() over (order by field, operation, sync_key) - 1 as place
                    from {deliveries}
                    where run_id = ? and batch_no = ? and status = 'accepted'
                ) as placed
            ) as sent
            where fate is not null and not exists (
                select 1 from {deliveries} as kept
                where kept.run_id = concat(sent.run_id, '-later')
                    and kept.batch_no = sent.batch_no
            )""",
            [now, one.asked.run_id, one.asked.batch_no],
        )
    _count(warehouse, [one.asked for one in settled if one.is_whole])
    audiences = _audiences(warehouse, [one.asked for one in settled if one.became.rate])
    rows = [
        {
            "run_id": one.asked.run_id,
            "batch_no": one.asked.batch_no,
            "sync": one.asked.sync,
            "asked_at": now,
            "status": one.status,
            "problem": one.problem,
            "names_rows": "true" if one.became.rows or one.became.others else None,
            "warnings": one.became.warnings,
            "audience": audiences.get((one.asked.run_id, one.asked.batch_no)),
            **_told_rate(one.became.rate),
        }
        for one in settled
    ]
    ledger.append(settings, warehouse, TABLE, rows)


def _audiences(warehouse: Warehouse, asked: list[Asked]) -> dict[tuple[str, int], str]:
    """Return the audience of batches; each is of one list."""
    if not asked:
        return {}
    deliveries = warehouse.relation(ledger.LAYER, "sync_deliveries")
    rows = warehouse.fetch(
        f"""
        select run_id, batch_no, max(audience) as audience
        from {deliveries}
        where {_of_batches(asked)}
        group by run_id, batch_no"""
    )
    return {(row["run_id"], int(row["batch_no"])): row["audience"] for row in rows}


def _of_batches(asked: list[Asked]) -> str:
    """Return the condition of SQL that a row is of one of these batches."""
    batches: dict[str, list[str]] = defaultdict(list)
    for one in asked:
        batches[one.run_id].append(str(one.batch_no))
    return " or ".join(
        f"(run_id = '{run_id}' and batch_no in ({', '.join(numbers)}))"
        for run_id, numbers in batches.items()
    )


def _keep_by_key(settings: Settings, warehouse: Warehouse, one: Told, now: str) -> None:
    """Write the fate of each row of a batch whose answer names keys, where it is another one."""
    deliveries = warehouse.relation(ledger.LAYER, "sync_deliveries")
    rows = warehouse.fetch(
        f"""
        select * from {deliveries} as sent
        where run_id = ? and batch_no = ? and status in ('accepted', 'unknown') and not exists (
            select 1 from {deliveries} as kept
            where kept.run_id = concat(sent.run_id, '-later') and kept.batch_no = sent.batch_no
        )""",
        [one.asked.run_id, one.asked.batch_no],
    )
    told = []
    for row in rows:
        status, reason = one.became.keys.get(row["sync_key"], (one.became.others, ""))
        if status != row["status"]:
            fate = {"status": status, "reason": reason or None, "recorded_at": now}
            told.append({**row, **fate, "run_id": f"{one.asked.run_id}-later"})
    if told:
        ledger.append(settings, warehouse, "sync_deliveries", told)


def _count(warehouse: Warehouse, known: list[Asked]) -> None:
    """Count the sent rows of batches, of which each row's fate is known, as what they became.

    Counts are only added to, so what they were before is taken off again.
    """
    if not known:
        return
    deliveries, counts = (
        warehouse.relation(ledger.LAYER, name) for name in ("sync_deliveries", "sync_run_counts")
    )
    warehouse.execute(
        f"""
        insert into {counts} (run_id, plan_id, sync, audience, channel, operation, status, reason,
            match_key, batch_no, row_count)
        with fates as (
            select concat(sent.run_id, '-later') as run_id, sent.plan_id, sent.sync, sent.audience,
                sent.channel, sent.operation, sent.match_key, sent.batch_no,
                sent.status as was,
                case when coalesce(told.status, sent.status) = 'accepted' then 'applied'
                    else coalesce(told.status, sent.status) end as status,
                case when told.status <> 'accepted' then told.reason end as reason
            from (select * from {deliveries} where {_of_batches(known)}) as sent
            left join {deliveries} as told
                on told.run_id = concat(sent.run_id, '-later') and told.batch_no = sent.batch_no
                and told.sync_key = sent.sync_key and told.field = sent.field
            where sent.status in ('accepted', 'unknown')
                and not exists (
                    select 1 from {counts} as kept
                    where kept.run_id = concat(sent.run_id, '-later')
                        and kept.batch_no = sent.batch_no
                )
        )
        select run_id, plan_id, sync, audience, channel, operation, status, reason, match_key,
            batch_no, count(*)
        from fates
        group by run_id, plan_id, sync, audience, channel, operation, status, reason, match_key,
            batch_no
        union all
        select run_id, plan_id, sync, audience, channel, operation, was, null, match_key,
            batch_no, 0 - count(*)
        from fates
        group by run_id, plan_id, sync, audience, channel, operation, was, match_key, batch_no"""
    )


def _by_place(
    fates: Mapping[tuple[str, str], list[int]], part: int, rest: tuple[str, str] | None
) -> str:
    """Return SQL for a part of the fate of a row by its place: its status (0) or reason (1).

    The rows of a request stand in the order in which the plan numbered them.
    """
    cases = [
        f"when place in ({', '.join(map(str, places))}) then '{fate[part]}'"
        for fate, places in fates.items()
    ]
    cases.append(f"when true then '{rest[part]}'" if rest else "when false then ''")
    return f"case {' '.join(cases)} end"
