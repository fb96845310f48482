"""Looks at the GA4 export before a build: is there one, and can every file of it be opened?"""

from pathlib import Path

import duckdb

from madang.config import Settings
from madang.errors import MadangError
from madang.warehouse import Warehouse

INVENTORY = "models/staging/ga4/base_ga4__shards.sql"


class ExportError(MadangError):
    """There is no export to build from, or files of it cannot be read."""


def require_export(settings: Settings) -> None:
    """Raise ExportError where files of the export are missing or broken, naming each.

    Reads the ends of the files only, where Parquet keeps what is in them: quick, but a file that is
    broken in the middle is found when it is read. Files with other columns are not this check's
    matter: the build leaves them out and warns. BigQuery's own tables are not looked at.
    """
    if settings.warehouse.type != "duckdb" or not (settings.project_dir / INVENTORY).is_file():
        return
    folder = settings.paths.ga4
    files = sorted(folder.glob("events_*.parquet"))
    if not files:
        there = "holds no events_YYYYMMDD.parquet" if folder.is_dir() else "does not exist"
        raise ExportError(
            f"There is no GA4 export: the folder {there}.",
            where=str(folder),
            fix="Put the daily files there, or name their folder in madang.yml (paths.ga4).",
        )
    if broken := unreadable(files):
        listed = "".join(f"\n  {path.name}: {problem}" for path, problem in broken)
        raise ExportError(
            f"{len(broken)} of {len(files)} files of the GA4 export cannot be read:{listed}",
            where=str(folder),
            fix="Export or copy them again; or move them away, and their days are left out.",
        )


def left_out(warehouse: Warehouse) -> list[str]:
    """Return the shards that the last build could not use, each with the reason."""
    if not warehouse.exists("staging", "base_ga4__shards"):
        return []
    shards = warehouse.fetch(
        f"""
        select suffix, problem from {warehouse.relation("staging", "base_ga4__shards")}
        where problem is not null order by suffix"""
    )
    return [f"events_{shard['suffix']}: {shard['problem']}" for shard in shards]


def unreadable(files: list[Path]) -> list[tuple[Path, str]]:
    """Return the files that are no whole Parquet files, with what is wrong."""
    broken = []
    with duckdb.connect(config={"threads": 1}) as connection:
        for path in files:
            try:
                connection.execute("select 1 from parquet_file_metadata(?)", [str(path)]).fetchone()
            except (duckdb.Error, OSError) as error:
                broken.append((path, _problem(path, error)))
    return broken


def _problem(path: Path, error: Exception) -> str:
    if path.stat().st_size == 0:
        return "The file is empty."
    text = str(error).splitlines()[0]
    if "magic bytes" in text or "too small" in text:
        return "The file is cut off, or no Parquet file."
    return f"The file is damaged ({text.split(':')[0]})."
