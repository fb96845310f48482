"""What is to be created at the destination of a sync before rows go there, and which rows fit."""

from collections import Counter

from madang import ui
from madang.errors import UsageError
from madang.settings.workspace import Settings
from madang.sync import diff, files
from madang.sync.destinations.base import Definition, Describes
from madang.sync.destinations.registry import MODULES, entry_of
from madang.sync.plan import LAYER
from madang.sync.spec import find_spec, load_specs
from madang.warehouse import Warehouse, open_warehouse


def describe(settings: Settings, name: str | None) -> int:
    """Show what a sync needs at its destination. 0, or 1 where rows of the model do not fit.

    Raises UsageError where there is no such sync, or its destination has nothing to describe.
    """
    specs = load_specs(settings.project_dir)
    spec = find_spec(specs, name or "")
    destination = entry_of(spec.destination).destination
    if not issubclass(destination, Describes):
        able = [one for one in MODULES if issubclass(entry_of(one).destination, Describes)]
        raise UsageError(
            f"{spec.destination} has nothing to create for '{spec.name}'.",
            fix=f"Destinations that are described: {', '.join(able)}.",
        )
    fields: list[str] = []
    problems: Counter[tuple[str, str]] = Counter()
    with open_warehouse(settings) as warehouse:
        if warehouse.exists(LAYER, spec.model):
            relation = warehouse.relation(LAYER, spec.model)
            rows = warehouse.fetch(f"select distinct field from {relation} order by field")
            fields = [row["field"] for row in rows]
            problems = _problems(settings, warehouse, relation, destination, spec.options)
    for one in destination.describe(spec.options, fields):
        _show(one)
    if not fields:
        ui.line(f"{spec.model} has no rows yet: run 'madang build' to see every name.")
    for (field, problem), count in sorted(problems.items()):
        ui.line(f"{count:,} row{'s' if count > 1 else ''} of {field}: {problem}", "yellow")
    return 1 if problems else 0


def _problems(
    settings: Settings, warehouse: Warehouse, relation: str, destination: type, options: object
) -> Counter[tuple[str, str]]:
    """Count the rows that would be refused before they are sent, by field and what is wrong."""
    found: Counter[tuple[str, str]] = Counter()
    with files.scratch(settings) as (connection, folder):
        path = folder / "wanted.parquet"
        warehouse.export(diff.wanted(relation, settings.warehouse.type), path)
        cursor = connection.execute(
            f"select field, sync_key, value from read_parquet({files.text(path)})"
        )
        while rows := cursor.fetchmany(8192):
            for field, key, value in rows:
                if problem := destination.row_problem(options, key, value):
                    found[field, problem] += 1
    return found


def _show(one: Definition) -> None:
    columns = ("column", "type", "length", "")
    ui.table(one.name, columns, one.columns)
    for text in one.texts:
        ui.line(f"  {text}")
