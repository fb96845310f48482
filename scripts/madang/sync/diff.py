"""The SQL of a sync: wanted minus delivered. Plain enough for DuckDB and BigQuery alike.

The kind of the object decides what "minus" means. Attributes and members are a state: what changed
is sent again, what is not wanted any more is taken away. Events and messages happened: each is sent
once, and never taken away or changed; a correction is a row of its own.
"""

from collections.abc import Collection
from datetime import datetime

from madang.sync.destinations.base import ObjectKind
from madang.warehouse import Warehouse
from madang.warehouse.dialects import DIALECTS

#: How the reason begins for which a row waits for a source of its audience (`requires_fresh`).
LATE = "late_"
#: The warning of a row that the destination rejected when it was sent last.
REJECTED = "rejected_before"
#: The order of the deliveries of one key and field: by the ledger's numbers, never by a clock. What
#: became known of a run later has the run's number, and its id with -later behind.
NEWEST_FIRST = "coalesce(ledger_no, 0) desc, run_id desc"
NOTHING = """
    select cast(null as string) as sync_key, cast(null as string) as field"""


#: Of a row of a model: the destination should hold it.
WANTED = (
    "held_back_reason is null and sync_key is not null and value is not null and value <> 'null'"
)


def wanted(relation: str, dialect: str, counted_by: str = "", warning: str | None = None) -> str:
    """Return a query of what the destination should hold: sync_key, field, value, value_hash.

    A null value, in SQL or in JSON, means that the attribute should not be there. `counted_by`
    adds what the rows are counted by: the columns `audience` and `channel`, as `counting` has them.
    `warning` is the column of the model that says what is odd about a row, where it has one.
    """
    return f"""
    select
        sync_key,
        field,{counted_by}
        value,
        {DIALECTS[dialect].sha256_hex("value")} as value_hash,
        {warning or "cast(null as string)"} as warning
    from {relation}
    where {WANTED}"""


def counting(columns: Collection[str]) -> str:
    """Return the columns of a model that its rows are counted by; null where it lacks one."""
    return "".join(
        f"\n        {name if name in columns else 'cast(null as string)'} as {name},"
        for name in ("audience", "channel")
    )


def delivered(
    relation: str,
    sync: str,
    target: ObjectKind,
    *,
    counted: bool = False,
    forgotten_before: datetime | None = None,
) -> str:
    """Return a query of what the destination holds: sync_key, field, value_hash, is_old.

    With `counted` also the audience and the channel that each row was sent for. `is_old`: it was
    sent before `forgotten_before` (UTC), and the destination forgets it; not of events.

    The latest delivery counts, by the ledger's order. One whose fate is unknown (sent, but the
    answer never came) may be there or not: it has no hash, so that it is sent again while wanted
    and removed when not; so it is with one that was taken and rejected later. Events and messages
    that were ever taken count for ever; one of unknown fate counts as taken, unless the destination
    tells doubles: then one that was taken and failed later, for a reason that passes, is sent
    again.
    """
    if not target.leaves:
        taken = (
            "count(case when status = 'accepted' then 1 end) > 0 "
            "and count(case when status = 'unknown' and recency = 1 then 1 end) = 0"
            if target.may_repeat
            else "count(case when status <> 'rejected' then 1 end) > 0"
        )
        counted_by = "audience, channel," if counted else ""
        latest = "max(audience) as audience, max(channel) as channel," if counted else ""
        return f"""
    select
        sync_key,
        field,
        {latest}
        max(value_hash) as value_hash
    from (
        select
            sync_key,
            field,
            {counted_by}
            status,
            value_hash,
            row_number() over (
                partition by sync_key, field
                order by {NEWEST_FIRST}
            ) as recency
        from {relation}
        where sync = '{sync}' and status in ('accepted', 'rejected', 'unknown')
    ) as deliveries
    group by sync_key, field
    having {taken}"""
    counted_by = "audience, channel," if counted else ""
    old = f"recorded_at < timestamp '{forgotten_before:%F %T}'" if forgotten_before else "false"
    return f"""
    select
        sync_key,
        field,
        {counted_by}
        {old} as is_old,
        case when status = 'accepted' then value_hash end as value_hash
    from (
        select
            sync_key,
            field,
            {counted_by}
            operation,
            status,
            value_hash,
            recorded_at,
            row_number() over (
                partition by sync_key, field
                order by {NEWEST_FIRST}
            ) as recency
        from {relation}
        where sync = '{sync}' and (
            status in ('accepted', 'unknown')
            or (status = 'rejected' and run_id like '%-later')
        )
    ) as deliveries
    where recency = 1 and not (operation = 'remove' and status = 'accepted')"""


def rejected(relation: str, sync: str) -> str:
    """Return a query of the rows that the destination rejected when they were sent last: sync_key,
    field.

    Only keys that were ever rejected are looked at, for those are few.
    """
    return f"""
    select sync_key, field
    from (
        select
            deliveries.sync_key,
            deliveries.field,
            deliveries.status,
            row_number() over (
                partition by deliveries.sync_key, deliveries.field
                order by {NEWEST_FIRST}
            ) as recency
        from {relation} as deliveries
        inner join (
            select distinct sync_key, field
            from {relation}
            where sync = '{sync}' and status = 'rejected'
        ) as refused
            on deliveries.sync_key = refused.sync_key and deliveries.field = refused.field
        where
            deliveries.sync = '{sync}'
            and deliveries.status in ('accepted', 'rejected', 'unknown')
    ) as latest
    where recency = 1 and status = 'rejected'"""


def waiting(relation: str) -> str:
    """Return a query of the rows that wait for a late source: sync_key, field.

    They are neither sent nor taken away: what the destination holds of them stays.
    """
    return f"""
    select distinct sync_key, field
    from {relation}
    where sync_key is not null and starts_with(held_back_reason, '{LATE}')"""


def kept(warehouse: Warehouse, relation: str, delivered_sql: str) -> dict[str, int]:
    """Return how many rows the destination holds and keeps for now, because they wait, by field."""
    waiting_sql = waiting(relation)
    if not warehouse.fetch(f"select 1 as found from ({waiting_sql}) as waiting limit 1"):
        return {}  # most often: what was delivered need not be read for it
    rows = warehouse.fetch(
        f"""
    select waiting.field, count(*) as kept_rows
    from ({waiting_sql}) as waiting
    inner join ({delivered_sql}) as delivered
        on waiting.sync_key = delivered.sync_key and waiting.field = delivered.field
    group by waiting.field"""
    )
    return {row["field"]: int(row["kept_rows"]) for row in rows}


def changes(
    wanted_sql: str,
    delivered_sql: str,
    waiting_sql: str,
    target: ObjectKind,
    *,
    rejected_sql: str = NOTHING,
    counted: bool = False,
) -> str:
    """Return a query of every row to send, in no order: one full outer join.

    Columns: sync_key, field, operation (add, change, remove), value, warning; with `counted`, which
    both queries must have too, the audience and the channel. What the destination rejected last, by
    `rejected_sql`, has a warning that says so. A member whom the destination forgets is added
    again.
    """
    stays = "wanted.value_hash = delivered.value_hash" if target.leaves else "true"
    renewed = "\n            when delivered.is_old then 'add'" if target.kind == "members" else ""
    gone = "" if target.leaves else "wanted.sync_key is not null and "
    names = ("audience", "channel") if counted else ()
    both = "".join(f"coalesce(wanted.{name}, delivered.{name}) as {name}, " for name in names)
    return f"""
with wanted as ({wanted_sql}
),

delivered as ({delivered_sql}
),

waiting as ({waiting_sql}
),

rejected as ({rejected_sql}
),

compared as (
    select
        coalesce(wanted.sync_key, delivered.sync_key) as sync_key,
        coalesce(wanted.field, delivered.field) as field,
        case
            when delivered.sync_key is null then 'add'
            when wanted.sync_key is null then 'remove'{renewed}
            when {stays} then 'unchanged'
            else 'change'
        end as operation,
        {both}wanted.value as value,
        coalesce(
            wanted.warning, case when rejected.sync_key is not null then '{REJECTED}' end
        ) as warning
    from wanted
    full outer join delivered
        on wanted.sync_key = delivered.sync_key and wanted.field = delivered.field
    left join waiting
        on delivered.sync_key = waiting.sync_key and delivered.field = waiting.field
    left join rejected
        on wanted.sync_key = rejected.sync_key and wanted.field = rejected.field
    where {gone}(wanted.sync_key is not null or waiting.sync_key is null)
)

select
    sync_key,
    field,
    operation,
    {"".join(f"{name}, " for name in names)}value,
    warning
from compared
where operation <> 'unchanged'"""


def numbered(changes: str, target: ObjectKind) -> str:
    """Return a query, of DuckDB alone, that numbers the rows of `changes` by object, in order.

    It adds `object_no` and `value_hash`. Attributes of one key are one object. Of other kinds each
    row is one, in the order of the field and the operation, so that those of one request stand
    together. The windows have no order of their own: they keep to that of the rows, one by one.
    """
    is_next, order = "1", "field, operation, sync_key"
    if target.kind == "attributes":
        is_next = "if(sync_key is distinct from lag(sync_key) over (), 1, 0)"
        order = "sync_key, field"
    return f"""
select
    sum(is_next) over (rows unbounded preceding)::bigint as object_no,
    * exclude (is_next),
    if(operation = 'remove', null, {DIALECTS["duckdb"].sha256_hex("value")}) as value_hash
from (select *, {is_next} as is_next from (select * from {changes} order by {order}))"""


def current(rows: str, dialect: str) -> str:
    """Return a query of a sync's rows as they are now, held-back ones included.

    `rows` is a relation, or a query in brackets.
    """
    return f"""
    select
        sync_key,
        field,
        {DIALECTS[dialect].sha256_hex("value")} as value_hash,
        held_back_reason
    from {rows} as rows_now
    where sync_key is not null and value is not null and value <> 'null'"""


def done(relation: str, plan_id: str, target: ObjectKind) -> str:
    """Return a query of the rows of a plan that earlier runs sent: sync_key, field, is_open.

    Those that they settled are done. One of unknown fate is open where it may be repeated.
    """
    settled = "status <> 'unknown'" if target.may_repeat else "true"
    return f"""
    select
        sync_key,
        field,
        count(case when {settled} then 1 end) = 0 as is_open
    from {relation}
    where plan_id = '{plan_id}' and status in ('accepted', 'rejected', 'skipped', 'unknown')
    group by sync_key, field"""


def unknown(warehouse: Warehouse, relation: str, sync: str) -> int:
    """Return how many rows may have arrived or not, and are never sent again for that."""
    (row,) = warehouse.fetch(
        f"""
    select count(*) as unknown_rows
    from (
        select sync_key, field
        from {relation}
        where sync = '{sync}' and status in ('accepted', 'unknown')
        group by sync_key, field
        having count(case when status = 'accepted' then 1 end) = 0
    ) as lost"""
    )
    return int(row["unknown_rows"])


def refused(warehouse: Warehouse, relation: str, sync: str) -> int:
    """Return how many rows were taken and rejected later, of what is sent only once."""
    (row,) = warehouse.fetch(
        f"""
    select count(*) as refused_rows
    from ({rejected(relation, sync)}) as refused
    inner join (
        select distinct sync_key, field
        from {relation}
        where sync = '{sync}' and status = 'accepted'
    ) as taken
        on refused.sync_key = taken.sync_key and refused.field = taken.field"""
    )
    return int(row["refused_rows"])


def counted(warehouse: Warehouse, wanted_sql: str) -> list[dict]:
    """Return of each field the rows, and the keys that carry it more than once: field, wanted_rows,
    twice.
    """
    return warehouse.fetch(
        f"""
    select
        field,
        sum(carried) as wanted_rows,
        count(case when carried > 1 then 1 end) as twice
    from (
        select sync_key, field, count(*) as carried
        from ({wanted_sql}) as wanted
        group by sync_key, field
    ) as by_key
    group by field
    order by field"""
    )


def shared(warehouse: Warehouse, wanted_sql: str, other_sql: str) -> list[dict]:
    """Return the fields that two models want of the same keys: field, keys."""
    return warehouse.fetch(
        f"""
    select wanted.field, count(*) as keys
    from ({wanted_sql}) as wanted
    inner join ({other_sql}) as others
        on wanted.sync_key = others.sync_key and wanted.field = others.field
    group by wanted.field
    order by wanted.field"""
    )


def by_audience(warehouse: Warehouse, relation: str) -> list[dict]:
    """Return the persons of each audience and channel: audience, channel, outcome, reason, persons,
    row_count.

    A person is wanted where one of the rows is, else held back for one reason.
    """
    return warehouse.fetch(
        f"""
    select
        audience,
        channel,
        case when wanted_rows > 0 then 'wanted' else 'held_back' end as outcome,
        case when wanted_rows = 0 then reason end as reason,
        count(*) as persons,
        sum(wanted_rows) as row_count
    from (
        select
            audience,
            channel,
            person_id,
            count(case when {WANTED} then 1 end) as wanted_rows,
            min(
                coalesce(
                    held_back_reason,
                    case when sync_key is null then 'no_sync_key' else 'no_value' end
                )
            ) as reason
        from {relation}
        where audience is not null
        group by audience, channel, person_id
    ) as asked_persons
    group by 1, 2, 3, 4
    order by 1, 2, 3, 4"""
    )


def held_back(warehouse: Warehouse, relation: str, target: ObjectKind) -> dict[str, int]:
    """Return how many persons are held back, by reason; of things how many rows."""
    counted = "distinct person_id" if target.is_of_persons else "*"
    rows = warehouse.fetch(
        f"""
    select
        coalesce(held_back_reason, 'no_sync_key') as reason,
        count({counted}) as persons
    from {relation}
    where held_back_reason is not null or sync_key is null
    group by 1
    order by 1"""
    )
    return {row["reason"]: int(row["persons"]) for row in rows}
