"""Explains an audience: what its rule means, how many meet each part, and who is held back."""

from madang import ui
from madang.audiences.look import (
    consents,
    fields_of,
    find_audience,
    require,
    show_waterfall,
    waterfall,
)
from madang.audiences.rules import RuleReader
from madang.settings.workspace import Settings
from madang.specs.audiences import Audience
from madang.specs.located_yaml import line_of
from madang.specs.project import read_project
from madang.sync.spec import load_specs
from madang.times import told
from madang.warehouse import Warehouse, open_warehouse

REASONS = {
    "anonymous": "a device that nobody has logged in on: there is nobody to name",
    "no_consent": "never gave consent to any of the channels",
    "withdrawn": "took the consent back",
    "no_address": "gave consent, but there is no address for that channel",
}


def show_audience(settings: Settings, name: str) -> None:
    """Print the explanation. Raises UsageError for an unknown name, WarehouseError unless built."""
    name, rule = find_audience(settings, name)
    entry = read_project(settings.project_dir).model(f"aud_{name}")
    where = f"{entry.file}:{line_of(entry.lines, entry.at)}" if entry else "-"
    with open_warehouse(settings, read_only=True) as warehouse:
        require(
            warehouse,
            ("activity", "activities"),
            ("marts", "customers"),
            ("marts", "audience_waterfall"),
        )
        parts = count_parts(settings, warehouse, rule)
        steps = waterfall(warehouse, name)
        goes = [
            (spec, fields)
            for spec in load_specs(settings.project_dir)
            if (fields := fields_of(warehouse, spec, name))
        ]
    ui.summary(
        f"Audience {name}: {rule.label}",
        [
            ("rule", where),
            ("as of", told(settings.now(), settings.timezone)),
            *consents(rule),
        ],
    )
    ui.table("Who meets what", ("rule", "known persons"), parts)
    show_waterfall(steps)
    for row in steps:
        if row["step"] == "lost" and row["subjects"]:
            ui.line(f"  {row['reason']}: {REASONS.get(row['reason'], row['reason'])}")
    for spec, fields in goes:
        ui.line(f"Goes to {spec.destination} as {', '.join(fields)} by the sync {spec.name}.")


def count_parts(settings: Settings, warehouse: Warehouse, rule: Audience) -> list[tuple[str, int]]:
    """Return every part of the rule in words, indented, with the known persons who meet it."""
    counted = []
    for part in RuleReader(warehouse, settings.now()).parts(rule):
        persons = warehouse.fetch(f"select count(*) as persons from ({part.persons_sql})")
        counted.append(("  " * part.depth + part.words, persons[0]["persons"]))
    return counted
