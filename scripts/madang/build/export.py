"""Looks at the GA4 export around a build: is there one, and what of it could not be used?"""

import re
from pathlib import Path

from madang.settings.ga4 import Ga4Property
from madang.settings.workspace import Settings
from madang.warehouse import Warehouse

FILE = re.compile(
    r"(events|ga_sessions)_(intraday_|fresh_)?\d{8}([-_.].*)?\.(parquet|(json|ndjson|jsonl)(\.gz)?)"
)


def missing(settings: Settings) -> str | None:
    """Say why there is no GA4 export at all; None where there is one.

    Without it everything is built from files alone, and the tables of GA4 are empty. Whether
    BigQuery's dataset holds tables is not looked at.
    """
    read = settings.ga4_properties()
    if settings.warehouse.type != "duckdb":
        named = any(one.dataset for one in read)
        return None if named else "warehouse.bigquery.ga4_dataset is not set"
    if any(shard_files(one) for one in read):
        return None
    folders = [one.path for one in read if one.path]
    names = ", ".join(map(str, folders))
    if any(folder.is_dir() for folder in folders):
        return f"no events_YYYYMMDD.parquet or events_YYYYMMDD.json.gz in {names}"
    return f"the folder {names} does not exist"


def shard_files(one: Ga4Property) -> list[Path]:
    """Return the files of a property's events, by name. On DuckDB only."""
    if one.path is None or not one.path.is_dir():
        return []
    return sorted(
        path for path in one.path.glob(f"{one.shard_prefix}*") if FILE.fullmatch(path.name)
    )


def left_out(settings: Settings, warehouse: Warehouse) -> list[str]:
    """Return what the last build could not use or found less of, each with file and day."""
    told = []
    for table in ("base_ga4__shards", "base_ga4__user_shards"):
        if not warehouse.exists("staging", table):
            continue
        shards = warehouse.fetch(
            f"""
            select property_id, location, event_date, problem, rows_lost, bytes_lost
            from {warehouse.relation("staging", table)}
            where problem is not null or rows_lost > 0 or bytes_lost > 0
            order by property_id, event_date, location"""
        )
        for shard in shards:
            names = [
                place.replace("\\", "/").split("/")[-1] for place in shard["location"].split("\n")
            ]
            name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
            if settings.ga4.properties:
                name = f"property {shard['property_id']}, {name}"
            if shard["problem"]:
                told.append(f"left out: {name} ({shard['event_date']}): {shard['problem']}")
            else:
                lost = f"{shard['rows_lost']:,} rows" if shard["rows_lost"] else ""
                lost = lost or f"{shard['bytes_lost']:,} bytes"
                told.append(
                    f"shrunk: {name} ({shard['event_date']}): {lost} fewer than when it was last "
                    "read"
                )
    return told + _gone(settings, warehouse) + _without_files(settings)


def _gone(settings: Settings, warehouse: Warehouse) -> list[str]:
    """An export that was read before and of which nothing is there now."""
    why = missing(settings)
    if why is None or not warehouse.exists("ledger", "ga4_built_days"):
        return []
    held = warehouse.fetch(
        f"select count(*) as days from {warehouse.relation('ledger', 'ga4_built_days')} "
        "where model = 'base_ga4__events'"
    )[0]["days"]
    if not held:
        return []
    return [f"left out: the GA4 export is gone ({why}): its {held:,} days stay as they were built"]


def _without_files(settings: Settings) -> list[str]:
    """Properties of madang.yml that have no file at all."""
    if settings.warehouse.type != "duckdb":
        return []
    return [
        f"left out: property {one.id}: no files in {one.path}"
        for one in settings.ga4.properties
        if not shard_files(one)
    ]
