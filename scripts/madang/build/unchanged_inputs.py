"""What a build is made of, as short texts that differ where the thing does: rules, tables, files.

Asked of the warehouse and of the file system without reading the data itself where that is large:
landed rows are counted and looked at by where they came from, BigQuery's tables and the export by
their size and time.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from madang.build.dbt_environment import environment, profiles_dir, project_vars, run_vars
from madang.settings.workspace import Settings
from madang.specs import package
from madang.warehouse import Row, Warehouse, WarehouseError

Table = tuple[str, str]  # schema and name

#: A table that is not there yet reads like one without rows: the next run creates it.
EMPTY = "empty"
PACKAGES = (
    *("madang", "dbt-core", "dbt-adapters", "dbt-common", "duckdb"),
    *("dbt-duckdb", "dbt-bigquery", "google-cloud-bigquery"),
)
#: Files of the project that dbt reads and that its manifest does not list.
UNLISTED = ("dbt_project.yml", "packages.yml", "dependencies.yml", "package-lock.yml")
#: Of the environment, what says how and not what.
HOW = {"MADANG_JOB_LABELS", "MADANG_THREADS", "MADANG_MEMORY_LIMIT", "MADANG_SPILL_PATH"}
#: A variable's name; nothing where it is put together.
ENVIRONMENT = re.compile(r"\benv_var\(\s*(?:['\"](\w+)['\"]\s*[,)])?")
LANDED = ("_file", "_row", "_sha256", "_loaded_at")


def project_made_of(settings: Settings, manifest: Any, damaged: Iterable[Path]) -> str | None:
    """Return one text for all rules: the project, its variables and surroundings, the versions.

    The run's clock is not in it. None where it cannot be told, such as an environment variable
    whose name is put together.
    """
    project = settings.project_dir
    parts = [f"{key} {file.checksum.checksum}" for key, file in manifest.files.items()]
    for node in manifest.nodes.values():
        if node.resource_type == "seed":  # of a large one dbt knows only its path
            path = Path(node.root_path or project) / node.original_file_path
            parts.append(f"{node.unique_id} {_digest(path.read_bytes())}")
    texts = [macro.macro_sql for macro in manifest.macros.values()]
    texts += [getattr(node, "raw_code", "") for node in manifest.nodes.values()]
    for path in (
        *map(project.joinpath, UNLISTED),
        package.home(project) / UNLISTED[0],
        profiles_dir(settings, project) / "profiles.yml",
    ):
        if path.is_file():
            texts.append(path.read_text(encoding="utf-8"))
            parts.append(f"{path.name} {_digest(texts[-1].encode())}")
    names = {name for text in texts for name in ENVIRONMENT.findall(text)}
    names |= {*manifest.env_vars, "TZ"}
    if "" in names:
        return None
    found = {**os.environ, **environment(settings, {})}
    names |= {name for name in found if name.startswith(("MADANG_", "DBT_"))}
    variables = run_vars(settings, project)
    variables.pop("as_of", None)
    rest = {
        "environment": {name: found.get(name) for name in sorted(names - HOW)},
        "variables": variables,
        "versions": {name: _version(name) for name in PACKAGES},
        "damaged": sorted(map(str, damaged)),
    }
    return _digest("\n".join([*sorted(parts), json.dumps(rest, sort_keys=True)]).encode())


def tables_made_of(
    settings: Settings, warehouse: Warehouse, tables: Iterable[Table]
) -> dict[Table, str]:
    """Return what each table is made of; those are missing of which it cannot be told.

    Such are views, and tables of other people's schemas.
    """
    ours = {settings.schema_of("raw"), settings.schema_of("ledger")}
    wanted = sorted({table for table in tables if table[0] in ours})
    if not wanted:
        return {}
    if settings.warehouse.type == "duckdb":
        return _of_duckdb(warehouse, wanted)
    schemas = sorted({schema for schema, _ in wanted})
    listed: dict[Table, Row] = {}
    for schema in schemas:
        rows = _listed(warehouse, settings.bigquery.project, schema)
        if rows is None:
            wanted = [table for table in wanted if table[0] != schema]
        listed |= {(schema, row["table_id"]): row for row in rows or ()}
    found = {}
    for table in wanted:
        row = listed.get(table)
        if row is None or row["type"] == 1:
            found[table] = _state(row) if row and row["size_bytes"] else EMPTY
    return found


def relations_there(
    settings: Settings, warehouse: Warehouse, wanted: Iterable[Table]
) -> set[Table]:
    """Return which of some tables and views are there."""
    wanted = set(wanted)
    if settings.warehouse.type == "bigquery":
        return wanted & warehouse.tables({schema for schema, _ in wanted})  # type: ignore[attr-defined]
    there = _duckdb_tables(warehouse) | _duckdb_views(warehouse)
    return {table for table in wanted if _folded(table) in there}


def export_made_of(settings: Settings, warehouse: Warehouse) -> str | None:
    """Return one text for all files or tables of the GA4 export; None where it cannot be told."""
    properties = settings.ga4_properties()
    if not settings.ga4.properties and project_vars(settings.project_dir).get("ga4_properties"):
        return None  # plain dbt's own list of properties, which the settings do not know
    parts: list[str] = []
    for one in properties:
        if settings.warehouse.type == "bigquery":
            if not one.dataset:
                continue  # without an export
            if not one.project:
                return None
            rows = _listed(warehouse, one.project, one.dataset)
            if rows is None:
                return None
            parts += [f"{one.id} {row['table_id']} {_state(row)}" for row in rows]
            continue
        folder = one.path or settings.paths.ga4 / one.id
        for file in os.scandir(folder) if folder.is_dir() else ():
            if file.is_file():
                found = file.stat()
                parts.append(f"{one.id} {file.path} {found.st_size} {found.st_mtime_ns}")
    return _digest("\n".join(sorted(parts)).encode())


def _of_duckdb(warehouse: Warehouse, wanted: list[Table]) -> dict[Table, str]:
    """Landed rows by where they came from, which is written once; other tables by all they hold."""
    columns: dict[Table, set[str]] = {}
    for row in warehouse.fetch(
        "select lower(schema_name) as s, lower(table_name) as t, column_name as c "
        "from duckdb_columns() where database_name = current_database() and not internal"
    ):
        columns.setdefault((row["s"], row["t"]), set()).add(row["c"])
    views = _duckdb_views(warehouse)
    found, queries = {}, []
    for place, table in enumerate(wanted):
        there = _folded(table)
        if there not in columns:
            found[table] = EMPTY
        elif there not in views:
            name = ".".join(map(warehouse.dialect.quoted, table))
            hashed = ", ".join(LANDED) if {*LANDED} <= columns[there] else "held"
            queries.append(
                f"select {place} as place, count(*) as n, sum(hash({hashed})) as h from {name} held"
            )
    for row in warehouse.fetch(" union all ".join(queries)) if queries else ():
        found[wanted[row["place"]]] = f"{row['n']} {row['h']}" if row["n"] else EMPTY
    return found


def _duckdb_tables(warehouse: Warehouse) -> set[Table]:
    return _names(warehouse, "select schema_name as s, table_name as t from duckdb_tables()")


def _duckdb_views(warehouse: Warehouse) -> set[Table]:
    return _names(warehouse, "select schema_name as s, view_name as t from duckdb_views()")


def _names(warehouse: Warehouse, sql: str) -> set[Table]:
    rows = warehouse.fetch(f"{sql} where database_name = current_database()")
    return {_folded((row["s"], row["t"])) for row in rows}


def _folded(table: Table) -> Table:
    """As DuckDB compares names."""
    return table[0].lower(), table[1].lower()


def _listed(warehouse: Warehouse, project: str, dataset: str) -> list[Row] | None:
    """A dataset's tables as BigQuery lists them, free of charge; None where it does not."""
    place = warehouse.dialect.quoted(f"{project}.{dataset}.__TABLES__")
    try:
        return warehouse.fetch(
            f"select table_id, type, row_count, size_bytes, last_modified_time from {place}"
        )
    except WarehouseError:
        return None


def _state(row: Row) -> str:
    return f"{row['row_count']} {row['size_bytes']} {row['last_modified_time']}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
