"""What a reader of the figures has to know: own traffic, no rates, records without a person."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from madang.health.ga4_notes import SHOWN, at_limit, days_at_limit
from madang.warehouse import Warehouse

Row = Mapping[str, Any]


def notices(warehouse: Warehouse) -> list[str]:
    """One line for each; empty where nothing is to be said, or nothing is built."""
    days = _rows(warehouse, "activity", "ga4_days", "is_mostly_own_traffic")
    left_out = _rows(warehouse, "marts", "amounts_without_rate", "kind")
    limited = at_limit(days_at_limit(warehouse))
    told = [*of_days(days), *([limited] if limited else []), *map(_without_rate, left_out)]
    unmet = _rows(warehouse, "marts", "consent_unmet", "statements")
    records = _rows(warehouse, "marts", "record_match_rates", "is_met")
    return [*told, *unknown_words(warehouse), *unmet_statements(unmet), *unmet_records(records)]


def unmet_statements(rows: Sequence[Row]) -> list[str]:
    """What is to be said of consents and opt-outs without a person (rows of `consent_unmet`)."""
    if not rows:
        return []
    shown = ", ".join(f"{row['statements']:,} {row['source']} ({row['signal']})" for row in rows)
    addresses = sum(row["with_address"] for row in rows)
    return [
        f"Consents and opt-outs without a known person: {shown}. {addresses:,} have an address: an "
        "opt-out among them holds back every row with that address. The others count as soon as a "
        "source names their person. See consent_unmet."
    ]


def unmet_records(rows: Sequence[Row]) -> list[str]:
    """What is to be said of records without a person (rows of `record_match_rates`)."""
    why: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        if row["met"] == "person" and not row["is_met"]:
            why[row["source"]][row["rule"]] += int(row["records"])
    if not why:
        return []
    shown = "; ".join(
        f"{sum(rules.values()):,} {source} ("
        + ", ".join(f"{rule} {count:,}" for rule, count in sorted(rules.items()))
        + ")"
        for source, rules in sorted(why.items())
    )
    return [f"Records without a person: {shown}. Each is a row of unmatched_records."]


def unknown_words(warehouse: Warehouse) -> list[str]:
    """What is to be said of statuses and products of outcomes that no list knows."""
    rows = _rows(warehouse, "marts", "unknown_outcome_words", "word")
    told = []
    for kind, seed in (("status", "outcome_statuses"), ("product", "outcome_products")):
        found = sorted(
            (row for row in rows if row["kind"] == kind), key=lambda row: -row["outcomes"]
        )
        if found:
            shown = ", ".join(f"{row['word']} ({row['outcomes']:,})" for row in found[:SHOWN])
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            told.append(
                f"Outcomes have a {kind} that no list knows: {shown}{more}. They are kept as they "
                f"came; add the words to seeds/{seed}.csv."
            )
    return told


def of_days(days: Sequence[Row]) -> list[str]:
    """What is to be said of days of the GA4 export (rows of `ga4_days`), by property."""
    told = []
    for property_id in sorted({day["property_id"] for day in days}):
        mine = [day for day in days if day["property_id"] == property_id]
        own = [day for day in mine if day["is_mostly_own_traffic"]]
        if own:
            events, internal, debug = (
                sum(day[name] or 0 for day in own)
                for name in ("events", "internal_events", "debug_events")
            )
            told.append(
                f"Property {property_id}: on {_count(own, mine)} most events are the company's own "
                f"({internal / events:.0%} internal, {debug / events:.0%} in debug mode). Sessions "
                "in debug mode are counted: if the tag sends debug_mode to everybody, mend the tag."
            )
        strayed = [day for day in mine if day["is_of_another_zone"]]
        if strayed:
            sessions, outside = (
                sum(day[name] or 0 for day in strayed)
                for name in ("sessions", "sessions_of_other_days")
            )
            told.append(
                f"Property {property_id}: on {_count(strayed, mine)} sessions lie outside of the "
                f"day of their shard ({outside:,} of {sessions:,}), so its time zone is most "
                "likely another one: set the one that GA4 shows under Property details "
                "(timezone in madang.yml, or ga4.properties.timezone)."
            )
    return told


def _count(some: Sequence[Row], of: Sequence[Row]) -> str:
    last = max(day["event_date"] for day in some)
    return f"{len(some)} of {len(of)} days (the last is {last})"


def _without_rate(row: Row) -> str:
    name = row["kind"].replace("_", " ")
    many = "" if row["amounts"] == 1 else "s"
    return (
        f"No rate for {row['currency']}: {row['amounts']:,} {name}{many} of {row['amount']:,.2f} "
        f"{row['currency']}, {row['first_date']} to {row['last_date']}, in no sum. Add rates to "
        "seeds/fx_rates.csv."
    )


def _rows(warehouse: Warehouse, layer: str, table: str, column: str) -> list[Row]:
    """The rows of a table that is built, and not by a version before it had the column."""
    if not warehouse.exists(layer, table):
        return []
    rows = warehouse.fetch(f"select * from {warehouse.relation(layer, table)} order by 1, 2")
    return rows if rows and column in rows[0] else []
