"""The cadence of each loaded table: `freshness.warn_after` of dbt in the YAML of its source."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from madang.errors import did_you_mean
from madang.specs import package
from madang.specs.audiences import Audience
from madang.specs.located_yaml import load_located
from madang.specs.project import ModelEntry, Project, read_project

PERIODS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


@dataclass(frozen=True)
class Cadence:
    """How often a table is expected; `every` is None where its YAML says nothing."""

    source: str
    table: str
    every: timedelta | None

    @property
    def label(self) -> str:
        """`crm.customers`."""
        return f"{self.source}.{self.table}"


def read_cadences(project_dir: Path) -> list[Cadence]:
    """Return every table that is loaded from files, with its cadence. Raises SpecError."""
    found = []
    for path, shown in package.files(project_dir, "models/staging/**/_*__sources.yml"):
        data, _ = load_located(path, shown_as=shown)
        for source, table in _tables(data):
            config = table.get("config") or {}
            if "load" in (config.get("meta") or {}):
                every = _every(config.get("freshness") or table.get("freshness"))
                found.append(Cadence(str(source.get("name")), str(table.get("name")), every))
    return found


def required_sources(project_dir: Path) -> set[str]:
    """Return the sources that an audience wants fresh (`requires_fresh`)."""
    found: set[str] = set()
    for entry in read_project(project_dir).models:
        rule = (entry.meta("audience") or ({}, ()))[0]
        wanted = rule.get("requires_fresh") if isinstance(rule, dict) else None
        found |= {str(name) for name in (wanted if isinstance(wanted, list) else [])}
    return found


def check_requires_fresh(
    project: Project,
    entry: ModelEntry,
    place: tuple,
    audience: Audience,
    cadences: list[Cadence],
) -> None:
    """Tell sources of `requires_fresh` that are none, or that could never be late."""
    declared = {one.source: False for one in cadences} | {
        one.source: True for one in cadences if one.every
    }
    for number, name in enumerate(audience.requires_fresh):
        at = (*place, "requires_fresh", number)
        if name not in declared:
            message = f"'requires_fresh': there is no source '{name}'."
            message += did_you_mean(name, declared)
            fix = f"Sources: {', '.join(sorted(declared)) or 'none'}."
            project.problems.append(entry.problem(at, message, fix))
        elif not declared[name]:
            message = f"'requires_fresh': the source '{name}' declares no cadence, so it is never "
            message += "late."
            fix = "Give a table of it 'config.freshness: {warn_after: {count: 7, period: day}}'."
            project.problems.append(entry.problem(at, message, fix))


def _tables(data: Any) -> Iterator[tuple[dict, dict]]:
    for source in (data.get("sources") if isinstance(data, dict) else None) or []:
        for table in (source.get("tables") if isinstance(source, dict) else None) or []:
            if isinstance(table, dict):
                yield source, table


def _every(freshness: Any) -> timedelta | None:
    after = freshness.get("warn_after") if isinstance(freshness, dict) else None
    if not isinstance(after, dict) or after.get("period") not in PERIODS:
        return None
    return PERIODS[after["period"]] * (after.get("count") or 0) or None
