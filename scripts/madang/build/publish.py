"""Publishes the marts as Parquet, so that BI tools never touch the warehouse file."""

from dataclasses import dataclass
from pathlib import Path

from madang import private
from madang.health import rights
from madang.settings.workspace import Settings
from madang.specs.project import is_personal, read_project
from madang.warehouse import Warehouse

LAYER = "marts"


@dataclass(frozen=True)
class Published:
    """What was published: file name to rows, and the personal columns that were left out."""

    folder: Path
    rows: dict[str, int]
    left_out: dict[str, list[str]]


def publish_marts(
    settings: Settings,
    warehouse: Warehouse,
    only: frozenset[str] = frozenset(),
    unless_there: frozenset[str] = frozenset(),
) -> Published:
    """Write every mart, or those in `only`, to `<marts>/<table>.parquet`, by an atomic rename.

    Files of marts in `unless_there` are left as they are; where they are missing they are written.

    Columns tagged `meta.pii` are left out: a published file is read without the warehouse's
    protection. Files of marts that are gone are removed.
    """
    folder = settings.paths.marts
    private.folder(folder)
    personal = _personal_columns(settings.project_dir)
    rows: dict[str, int] = {}
    left_out: dict[str, list[str]] = {}
    tables = warehouse.columns(LAYER)
    for table, columns in tables.items():
        if only and table not in only:
            continue
        if table in unless_there and (folder / f"{table}.parquet").is_file():
            continue
        shown = [name for name in columns if name not in personal.get(table, set())]
        if hidden := [name for name in columns if name not in shown]:
            left_out[table] = hidden
        if shown:
            names = ", ".join(warehouse.dialect.quoted(name) for name in shown)
            query = f"select {names} from {warehouse.relation(LAYER, table)}"
            rows[table] = warehouse.export(query, folder / f"{table}.parquet")
    for path in folder.glob("*.parquet"):
        if path.stem not in tables:
            path.unlink()
    rights.share(settings, folder)
    return Published(folder, rows, left_out)


def _personal_columns(project_dir: Path) -> dict[str, set[str]]:
    return {
        model.name: {name for name, data in model.columns().items() if is_personal(data)}
        for model in read_project(project_dir).models
    }
