"""Publishes tables as Parquet, so that BI tools never touch the warehouse file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from madang import private
from madang.health import rights
from madang.settings.workspace import Settings
from madang.specs.project import is_personal, read_project
from madang.warehouse import Warehouse


@dataclass(frozen=True)
class Published:
    """What was published: file name to rows, and the personal columns that were left out."""

    folder: Path
    rows: dict[str, int]
    left_out: dict[str, list[str]]


def published_tables(manifest: Any) -> dict[str, str]:
    """Return the tables with `meta.published` in dbt's manifest: name to layer."""
    return {
        node.alias: node.config.schema
        for node in manifest.nodes.values()
        if node.resource_type == "model" and node.config.meta.get("published")
    }


def publish_tables(
    settings: Settings,
    warehouse: Warehouse,
    tables: Mapping[str, str],
    unless_there: frozenset[str] = frozenset(),
    manifest: Any = None,
) -> Published:
    """Write each table (name to layer) to `<marts>/<table>.parquet`, by an atomic rename.

    Files of those in `unless_there` are left as they are; where they are missing they are written.
    Tables that are not built are passed over. Columns tagged `meta.pii` are left out: a published
    file is read without the warehouse's protection. With dbt's `manifest` the tags are read from
    it, else from the YAML.
    """
    folder = settings.paths.marts
    private.folder(folder)
    personal = _tagged(manifest) if manifest else _personal_columns(settings.project_dir)
    built = {layer: warehouse.columns(layer) for layer in set(tables.values())}
    rows: dict[str, int] = {}
    left_out: dict[str, list[str]] = {}
    for table, layer in tables.items():
        columns = built[layer].get(table, [])
        if table in unless_there and (folder / f"{table}.parquet").is_file():
            continue
        shown = [name for name in columns if name not in personal.get(table, set())]
        if hidden := [name for name in columns if name not in shown]:
            left_out[table] = hidden
        if shown:
            names = ", ".join(warehouse.dialect.quoted(name) for name in shown)
            query = f"select {names} from {warehouse.relation(layer, table)}"
            rows[table] = warehouse.export(query, folder / f"{table}.parquet")
    rights.share(settings, folder)
    return Published(folder, rows, left_out)


def remove_others(settings: Settings, tables: Mapping[str, str]) -> None:
    """Remove the published files of tables that are published no more."""
    for path in settings.paths.marts.glob("*.parquet"):
        if path.stem not in tables:
            path.unlink()


def _personal_columns(project_dir: Path) -> dict[str, set[str]]:
    return {
        model.name: {name for name, data in model.columns().items() if is_personal(data)}
        for model in read_project(project_dir).models
    }


def _tagged(manifest: Any) -> dict[str, set[str]]:
    """The same, of dbt's manifest."""
    return {
        node.alias: {
            name
            for name, column in node.columns.items()
            if is_personal({"meta": column.meta, "config": {"meta": column.config.meta}})
        }
        for node in manifest.nodes.values()
        if node.resource_type == "model"
    }
