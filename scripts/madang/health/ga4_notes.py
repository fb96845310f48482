"""What reading the GA4 export did not understand, masked, or did not get, as a build noted it."""

from collections.abc import Mapping, Sequence
from typing import Any

from madang.warehouse import Warehouse

SHOWN = 15
COLUMNS = ("field", "of", "cause", "how many", "from", "to")


def notes(warehouse: Warehouse) -> list[tuple]:
    """Return fields of the export with values that could not be read, or were masked."""
    if not warehouse.exists("staging", "ga4_reading_notes"):
        return []
    relation = warehouse.relation("staging", "ga4_reading_notes")
    rows = warehouse.fetch(
        f"""
        select field, noted_of, cause, sum(occurrences) as occurrences,
            min(event_date) as first_date, max(event_date) as last_date
        from {relation}
        group by field, noted_of, cause
        order by occurrences desc, field, noted_of, cause"""
    )
    return [
        (*list(row.values())[:2], row["cause"].replace("_", " "), *list(row.values())[3:])
        for row in rows
    ]


def days_at_limit(warehouse: Warehouse) -> list[Mapping[str, Any]]:
    """Return the days of which GA4 may have exported a part only."""
    if "is_at_export_limit" not in warehouse.columns("activity").get("ga4_days", ()):
        return []
    relation = warehouse.relation("activity", "ga4_days")
    return list(
        warehouse.fetch(
            f"select property_id, event_date from {relation} where is_at_export_limit "
            "order by event_date, property_id"
        )
    )


def at_limit(days: Sequence[Mapping[str, Any]]) -> str:
    """Say which days are at the limit; an empty text where none is."""
    if not days:
        return ""
    listed = ", ".join(f"{day['event_date']} ({day['property_id']})" for day in days[:SHOWN])
    more = f" and {len(days) - SHOWN} more" if len(days) > SHOWN else ""
    return (
        f"At GA4's export limit of a million events a day, so events may be missing: "
        f"{listed}{more}. If the property is one of Analytics 360, set its edition in madang.yml "
        "to 360."
    )
