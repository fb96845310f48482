"""Explains an audience: what its rule means, how many meet each part, and who is held back."""

from madang import ui
from madang.audiences.look import (
    consents,
    fields_of,
    find_audience,
    require,
    show_another_clock,
    show_waterfall,
    waterfall,
)
from madang.audiences.rules import persons_by_part
from madang.settings.workspace import Settings
from madang.specs.located_yaml import line_of
from madang.specs.project import read_project
from madang.sync.spec import load_specs
from madang.times import told
from madang.warehouse import open_warehouse

REASONS = {
    "anonymous": "a device that nobody has logged in on: there is nobody to name",
    "no_consent": "never gave consent to any of the channels",
    "withdrawn": "took the consent back",
    "no_address": "gave consent, but there is no address for that channel",
    "holdout": "may be contacted, and is held out to measure what sending changes",
}


def show_audience(settings: Settings, name: str) -> None:
    """Print the explanation. Raises UsageError for an unknown name, WarehouseError unless built."""
    name, rule = find_audience(settings, name)
    entry = read_project(settings.project_dir).model(f"aud_{name}")
    where = f"{entry.file}:{line_of(entry.lines, entry.at)}" if entry else "-"
    with open_warehouse(settings, read_only=True) as warehouse:
        require(
            warehouse,
            ("marts", "audience_evidence"),
            ("explain", "audience_parts"),
            ("marts", "audience_waterfall"),
        )
        show_another_clock(settings, warehouse)
        parts = [(part.words, persons) for part, persons in persons_by_part(warehouse, name)]
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
    ui.table(
        "Who meets what",
        ("rule", "known persons"),
        parts,
        empty="nothing is known of it: run 'madang build' if the audience is new",
    )
    show_waterfall(steps)
    for row in steps:
        if row["step"] == "lost" and row["subjects"]:
            ui.line(f"  {row['reason']}: {REASONS.get(row['reason'], row['reason'])}")
    for spec, fields in goes:
        ui.line(f"Goes to {spec.destination} as {', '.join(fields)} by the sync {spec.name}.")
