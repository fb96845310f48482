"""Counts an erased person's rows in every table, and deletes those that no build makes anew."""

from collections.abc import Iterator

from madang.erase.columns import Columns
from madang.erase.values import Known
from madang.people.identifiers import TOGETHER, chunks
from madang.warehouse import Warehouse

LAYERS = ("private", "staging", "identity", "activity", "marts", "activation", "history", "ledger")
#: Tables of the ledger that name people; nothing makes them anew.
LEDGERS = ("sync_deliveries", "sync_rejects", "braze_outbox")
#: Landed by 'madang score', by the key of an identifier, which is no record that others land.
SCORES = ("raw", "scores")
#: BigQuery reads them only where the days are said.
BY_DAY = ("base_ga4__events", "stg_ga4__events")
ANY_DAY = "event_date >= date '1970-01-01'"
#: What is read of the export and kept.
EXPORTED = ("base_ga4__events", "base_ga4__users")
TOMBSTONES = "erased_identifiers"
COLUMNS = "erasure_id string, identifier_type string, identifier_value string, value_bits int64, "
COLUMNS += "erased_at timestamp"


def bury(warehouse: Warehouse, erasure_id: str, known: Known, moment: str) -> int:
    """Write the hashes of all identifiers, once; return how many there are."""
    warehouse.ensure_layer("ledger")
    relation = warehouse.relation("ledger", TOMBSTONES)
    warehouse.execute(f"create table if not exists {relation} ({COLUMNS})")
    found = known.tombstones()
    for first in range(0, len(found), TOGETHER):
        piece = found[first : first + TOGETHER]
        rows = " union all ".join(
            "select ? as kind, ? as value, cast(? as int64) as bits" for _ in piece
        )
        warehouse.execute(
            f"""
            insert into {relation} (erasure_id, identifier_type, identifier_value, value_bits,
                erased_at)
            select ?, found.kind, found.value, found.bits, cast(? as timestamp)
            from ({rows}) as found
            where not exists (
                select 1 from {relation} as known
                where known.identifier_type = found.kind
                    and known.identifier_value = found.value)""",
            [erasure_id, moment, *(each for one in piece for each in one)],
        )
    return len(found)


def count(
    warehouse: Warehouse, declared: Columns, known: Known, landed: dict[str, int]
) -> dict[str, int]:
    """Return the rows that name the person, by `layer.table`; only tables that have any.

    `landed` has those of the landed tables, which other rules find.
    """
    wanted = declared.wanted(known)
    found = {f"raw.{table}": rows for table, rows in sorted(landed.items())}
    for layer in LAYERS:
        for table, columns in sorted(warehouse.columns(layer).items()):
            if table == TOMBSTONES:
                continue
            asked = list(_conditions(columns, wanted))
            total = _rows(warehouse, layer, table, asked) if asked else 0
            if total:
                found[f"{layer}.{table}"] = total
    return found


def forget_logs(warehouse: Warehouse, declared: Columns, known: Known) -> None:
    """Delete the person's rows of the logs."""
    wanted = declared.wanted(known)
    logs = [(layer, name) for layer in LAYERS for name in sorted(declared.declared.logs)]
    for layer, table in [*logs, SCORES, *(("ledger", name) for name in LEDGERS)]:
        columns = warehouse.columns(layer).get(table, [])
        for condition, values in _conditions(columns, wanted):
            relation = warehouse.relation(layer, table)
            warehouse.execute(f"delete from {relation} where {condition}", values)


def days_of(warehouse: Warehouse, declared: Columns, known: Known) -> list[str]:
    """Return the days of the export, such as 2026-10-31, that hold events of the person."""
    events = "base_ga4__events"
    if not warehouse.exists("staging", events):
        return []
    days = set()
    for condition, values in _exported(warehouse, declared, known, events):
        days |= {
            row["day"]
            for row in warehouse.fetch(
                f"""
                select distinct cast(event_date as string) as day
                from {warehouse.relation("staging", events)}
                where {ANY_DAY} and {condition}""",
                values,
            )
        }
    return sorted(days)


def read_days_again(warehouse: Warehouse, erasure_id: str, days: list[str]) -> None:
    """Note in the ledger that days of the export hold something else than before.

    The next build reads their shards again, without the person. Where a shard is gone, such as 60
    days after it was written to BigQuery's sandbox, what is made of the day's events is made anew.
    """
    if not warehouse.exists("ledger", "ga4_built_days"):
        return
    relation = warehouse.relation("ledger", "ga4_built_days")
    change = f"update {relation} set revision = ?"
    mine = [f"erasure {erasure_id}"]
    for piece, marks in chunks(days):
        warehouse.execute(
            f"{change}, fingerprint = ? where model = 'base_ga4__events' "
            f"and cast(event_date as string) in ({marks})",
            [*mine, *mine, *piece],
        )
    warehouse.execute(f"{change} where model = 'base_ga4__users'", mine)


def delete_exported(warehouse: Warehouse, declared: Columns, known: Known) -> None:
    """Delete what was read of the person from the export: a shard that is gone is not read again.

    To be called when the ledger says so: the days are no longer found by their events then.
    """
    has_items = warehouse.exists("staging", "stg_ga4__items")
    for table in EXPORTED:
        for condition, values in _exported(warehouse, declared, known, table):
            if table == "base_ga4__events" and has_items:
                events = warehouse.relation("staging", "stg_ga4__events")
                warehouse.execute(
                    f"delete from {warehouse.relation('staging', 'stg_ga4__items')} "
                    f"where {ANY_DAY} and event_key in "
                    f"(select event_key from {events} where {ANY_DAY} and {condition})",
                    values,
                )
            day = f"{ANY_DAY} and " if table in BY_DAY else ""
            relation = warehouse.relation("staging", table)
            warehouse.execute(f"delete from {relation} where {day}{condition}", values)


def _exported(
    warehouse: Warehouse, declared: Columns, known: Known, table: str
) -> Iterator[tuple[str, list[str]]]:
    """The conditions by which rows of the export are the person's: their number or device."""
    wanted = declared.wanted(known, ("crm_id", "device"))
    yield from _conditions(warehouse.columns("staging").get(table, []), wanted)


def _conditions(
    columns: list[str], wanted: dict[str, list[str]]
) -> Iterator[tuple[str, list[str]]]:
    for column in columns:
        for piece, marks in chunks(wanted.get(column, [])):
            yield f"{column} in ({marks})", piece


def _rows(warehouse: Warehouse, layer: str, table: str, asked: list[tuple[str, list[str]]]) -> int:
    """Rows for which any of the conditions holds."""
    relation = warehouse.relation(layer, table)
    either = " or ".join(condition for condition, _ in asked)
    day = f" and {ANY_DAY}" if table in BY_DAY else ""
    values = [value for _, piece in asked for value in piece]
    sql = f"select count(*) as found from {relation} where ({either}){day}"
    return warehouse.fetch(sql, values)[0]["found"]
