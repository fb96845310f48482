"""Asks again, right before sending, whether each planned row may still be sent.

Between a plan and its sending consent may be withdrawn or a person may leave an audience, so a
stored plan is checked against the activation model as it is now (`now`). What fails is skipped with
a reason; the next plan decides about it anew. Nothing is added: a plan never sends more than it
says.
"""

from dataclasses import dataclass
from pathlib import Path

from madang.settings.workspace import Settings
from madang.sync import files

HELD_BACK = "no longer permitted"
NOT_WANTED = "no longer wanted"
OTHER_VALUE = "value changed since the plan"
WANTED_AGAIN = "wanted again"

# A key and field that `current` carries both held back and not is held back. A removal is always
# permitted, unless the row is wanted again.
PERMIT = f"""
case
    when planned.operation = 'remove' then
        case when not coalesce(current.is_held_back, true) then '{WANTED_AGAIN}' end
    when current.sync_key is null then '{NOT_WANTED}'
    when current.is_held_back then '{HELD_BACK}'
    when current.value_hash <> planned.value_hash then '{OTHER_VALUE}'
end"""
# Most rows are as they were planned, and only of the others it is asked why they are not: what is
# kept in memory of all is a key, a field and a fingerprint.
SKIPPED = f"""
create table skipped as
with same as (
    select sync_key, field, value_hash from current_rows where held_back_reason is null
),

held as (select sync_key, field from current_rows where held_back_reason is not null),

doubtful as (
    select object_no, sync_key, field, operation, value_hash
    from (
        select * from planned_rows
        anti join same using (sync_key, field, value_hash)
    )
    union  -- not all: both may be so
    select object_no, sync_key, field, operation, value_hash
    from (select * from planned_rows semi join held using (sync_key, field))
),

current as (
    select
        sync_key,
        field,
        any_value(value_hash) as value_hash,
        bool_or(held_back_reason is not null) as is_held_back
    from (select * from current_rows semi join doubtful using (sync_key, field))
    group by sync_key, field
)

select object_no, field, reason
from (
    select planned.object_no, planned.field, {PERMIT} as reason
    from doubtful as planned
    left join current
        on planned.sync_key = current.sync_key and planned.field = current.field
)
where reason is not null"""

#: By which kinds of key a person is to be found at an advertising platform, by what the key of the
#: sync is: of members the kind of the hash, of conversions the click id and the kinds of hashes.
MATCH_KEYS = {
    "match_key": "nullif(regexp_extract(planned.sync_key, '^([a-z_]+):', 1), '')",
    "upload_key": """
        coalesce(
            nullif(concat_ws(
                ' ',
                json_extract_string(planned.value, '$.click_id_name'),
                nullif(array_to_string(list_sort(list_distinct(regexp_extract_all(
                    coalesce(json_extract_string(planned.value, '$.match_keys'), ''),
                    '([a-z_]+):', 1
                ))), ' '), '')
            ), ''),
            if(json_extract_string(planned.value, '$.device_id') is null, null, 'client_id')
        )""",
}


@dataclass(frozen=True)
class Spooled:
    """How many rows and objects are to be sent now, and rows skipped by reason."""

    rows: int
    objects: int
    skipped: dict[str, int]


def spool(
    settings: Settings,
    planned: Path,
    current: Path,
    done: Path,
    target: Path,
    *,
    with_amounts: bool = False,
    match_key: str = "null::varchar",
) -> Spooled:
    """Write the rows that are still open with their `skip_reason` (null: send) to `target`.

    `planned`: a plan's rows; `current`: the model now (sync_key, field, value_hash,
    held_back_reason); `done`: rows that earlier runs of this plan sent (sync_key, field, is_open:
    its fate is unknown and it may be sent again). All are Parquet. `with_amounts`: of events, whose
    value the ledger keeps as `amount`. `match_key` is SQL, one of `MATCH_KEYS`.
    """
    amount = "json_extract_string(planned.value, '$.value')" if with_amounts else "null::varchar"
    with files.scratch(settings, files.MEMORY) as (connection, _):
        for name, path in (("planned", planned), ("current", current), ("done", done)):
            connection.execute(f"create view {name}_rows as from read_parquet({files.text(path)})")
        files.execute(connection, SKIPPED)
        # The planned rows pass by in their order; a join that finds some of them mixes it up.
        connection.execute("set threads = 1")
        connection.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
        ((others,),) = connection.execute(
            "select (select count(*) from skipped) + (select count(*) from done_rows)"
        ).fetchall()
        files.write(
            connection,
            f"""
            with planned as (
                select * from planned_rows
                union all by name  -- one of an earlier version is not counted by audience
                select null::varchar as audience, null::varchar as channel where false
            )

            select
                planned.object_no,
                planned.sync_key,
                planned.field,
                planned.operation,
                planned.value,
                planned.value_hash,
                {amount} as amount,
                {match_key} as match_key,
                planned.audience,
                planned.channel,
                done.sync_key is not null as was_unknown,
                skipped.reason as skip_reason
            from planned
            left join skipped
                on planned.object_no = skipped.object_no and planned.field = skipped.field
            left join done_rows as done
                on planned.sync_key = done.sync_key and planned.field = done.field
            where coalesce(done.is_open, true)
            {"order by planned.object_no, planned.field" if others else ""}
            """,
            target,
        )
        counted = files.execute(
            connection,
            f"""
            select skip_reason, count(*), count(distinct object_no)
            from read_parquet({files.text(target)})
            group by skip_reason
            """,
        ).fetchall()
    sent = next(((rows, objects) for reason, rows, objects in counted if reason is None), (0, 0))
    skipped = {reason: rows for reason, rows, _ in counted if reason is not None}
    return Spooled(*sent, skipped)
