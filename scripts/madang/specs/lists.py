"""Lists (seeds) that a company's project adds to Madang's, or has in the place of them."""

import csv
from collections.abc import Iterator
from pathlib import Path

from madang.errors import Problem, did_you_mean
from madang.specs import package
from madang.specs.located_yaml import load_located
from madang.specs.project import Project

SHOWN = 5
#: The variable that names the lists to which the company adds rows, and the names of those seeds.
VARIABLE, ADDED = "madang_lists_added", "_added"


def check_lists(project: Project) -> list[str]:
    """Return what replaced lists lack of Madang's own; a list that stands twice is a problem."""
    madang = package.package_of(project.folder)
    if madang is None:
        return []
    off = _disabled(project.folder)
    notes = []
    ours = {path.stem: path for path in sorted((project.folder / "seeds").rglob("*.csv"))}
    theirs = {path.stem: path for path in sorted((madang / "seeds").rglob("*.csv"))}
    _check_added(project, ours, theirs)
    for path in theirs.values():
        if path.stem not in ours:
            if path.stem in off:
                message = f"The list '{path.stem}' of Madang is off, and the project has none."
                fix = f"Add seeds/{path.stem}.csv, or take it out of seeds.madang."
                project.problems.append(Problem("dbt_project.yml", off[path.stem], message, fix))
        elif path.stem not in off:
            message = f"The list '{path.stem}' is Madang's, too: dbt cannot load both."
            fix = "In dbt_project.yml, under seeds: madang: " + path.stem + ": {+enabled: false}."
            project.problems.append(Problem(project.shown(ours[path.stem]), 1, message, fix))
        elif missing := list(_missing(ours[path.stem], path)):
            words = ", ".join(missing[:SHOWN]) + ("…" if len(missing) > SHOWN else "")
            notes.append(
                f"{project.shown(ours[path.stem])} takes the place of Madang's list and lacks "
                f"{len(missing)} of its rows: {words}"
            )
    return notes


def _check_added(project: Project, ours: dict[str, Path], theirs: dict[str, Path]) -> None:
    """Tell added rows that are read by nothing, and those that would not fit their list."""
    given = project.vars.get(VARIABLE)
    named = given if isinstance(given, list) else []
    for number, name in enumerate(named):
        line = project.lines.get(("vars", VARIABLE, number), 0)
        if name not in theirs:
            message = f"{VARIABLE}: Madang has no list '{name}'.{did_you_mean(name, theirs)}"
            project.problems.append(Problem("dbt_project.yml", line, message))
        elif f"{name}{ADDED}" not in ours:
            message = f"{VARIABLE}: there is no seeds/{name}{ADDED}.csv."
            fix = f"Write one with the columns {', '.join(_header(theirs[name]))}."
            project.problems.append(Problem("dbt_project.yml", line, message, fix))
    for added, path in ours.items():
        name = added.removesuffix(ADDED)
        if name == added or name not in theirs:
            continue
        if name not in named:
            message = f"The rows of '{added}' are read by nothing."
            fix = f"Add '{name}' to vars.{VARIABLE} of dbt_project.yml."
            project.problems.append(Problem(project.shown(path), 1, message, fix))
        elif (wanted := _header(theirs[name])) != _header(path):
            message = f"The columns of '{added}' must be those of '{name}', in their order."
            fix = f"Columns: {', '.join(wanted)}."
            project.problems.append(Problem(project.shown(path), 1, message, fix))


def _missing(ours: Path, theirs: Path) -> Iterator[str]:
    """The first columns of Madang's rows that the company's list does not have."""
    there = {row[0] for row in _rows(ours)}
    yield from dict.fromkeys(row[0] for row in _rows(theirs) if row[0] not in there)


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row for row in csv.reader(file) if row][1:]


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])


def _disabled(folder: Path) -> dict[str, int]:
    """The lists of Madang that the project's dbt_project.yml turns off, with their lines."""
    data, lines = load_located(folder / "dbt_project.yml")
    given = ((data or {}).get("seeds") or {}).get(package.NAME) or {}
    return {
        name: lines.get(("seeds", package.NAME, name), 0)
        for name, config in given.items()
        if isinstance(config, dict) and config.get("+enabled", config.get("enabled")) is False
    }
