"""Looks at the GA4 export around a build: is there one, and what of it could not be used?"""

import re
from pathlib import Path

from madang.config import Settings
from madang.config_ga4 import Ga4Property
from madang.errors import MadangError
from madang.warehouse import Warehouse

INVENTORY = "models/staging/ga4/base_ga4__shards.sql"
FILE = re.compile(
    r"(events|ga_sessions)_(intraday_|fresh_)?\d{8}([-_.].*)?\.(parquet|(json|ndjson|jsonl)(\.gz)?)"
)
FIX = "Put the daily files there, or name their folder in madang.yml (paths.ga4)."


class ExportError(MadangError):
    """There is no export to build from."""


def require_export(settings: Settings) -> None:
    """Raise ExportError where no property has a file: nothing could be built.

    Files that are cut off or hold other columns are not this check's matter: the build leaves them
    out and says so. BigQuery's own tables are not looked at.
    """
    if settings.warehouse.type != "duckdb" or not (settings.project_dir / INVENTORY).is_file():
        return
    read = settings.ga4_properties()
    if any(shard_files(one) for one in read):
        return
    folders = [one.path for one in read if one.path]
    there = "the folder does not exist"
    if any(folder.is_dir() for folder in folders):
        there = "the folder holds no events_YYYYMMDD.parquet or events_YYYYMMDD.json.gz"
    raise ExportError(
        f"There is no GA4 export: {there}.", where=", ".join(map(str, folders)), fix=FIX
    )


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
    return told + _without_files(settings)


def _without_files(settings: Settings) -> list[str]:
    """Properties of madang.yml that have no file at all, while others do."""
    if settings.warehouse.type != "duckdb":
        return []
    return [
        f"left out: property {one.id}: no files in {one.path}"
        for one in settings.ga4.properties
        if not shard_files(one)
    ]
