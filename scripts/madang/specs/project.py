"""The YAML of a dbt project, read once: its models with their meta, columns and lines."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from madang.errors import Problem, SpecError
from madang.specs import package
from madang.specs.located_yaml import Lines, line_of, load_located
from madang.specs.occurring import Asked

#: Folders beside models/ whose YAML dbt reads as well.
OTHERS = ("seeds", "snapshots", "macros", "analyses", "tests")


@dataclass(frozen=True)
class ModelEntry:
    """One entry under `models:` of a YAML file; `at` is its place there."""

    name: str
    file: str
    at: tuple
    data: dict
    lines: Lines
    is_own: bool = True  # of the company's project, not of Madang's package

    def meta(self, key: str) -> tuple[Any, tuple] | None:
        """Return (value, place) of `config.meta.<key>`, or None when it is not there."""
        for path in (("config", "meta", key), ("meta", key)):
            value: Any = self.data
            for part in path:
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                return value, (*self.at, *path)
        return None

    def problem(self, place: tuple, message: str, fix: str | None = None) -> Problem:
        """Return a problem at a place of the file."""
        return Problem(self.file, line_of(self.lines, place), message, fix)

    def asks(self, place: tuple, kind: str, name: object, name_of: str | None = None) -> Asked:
        """Return a name that a place of the file asks for."""
        line = line_of(self.lines, place)
        return Asked(kind, _as_written(name), name_of, self.file, line, self.is_own)

    def columns(self) -> dict[str, dict]:
        """Return the declared columns by name."""
        listed = self.data.get("columns")
        found = [column for column in listed or [] if isinstance(column, dict)]
        return {str(column.get("name")): column for column in found}


@dataclass
class Project:
    """A project's model YAML and SQL files, and the problems met while reading them."""

    folder: Path
    models: list[ModelEntry] = field(default_factory=list)
    snapshots: list[ModelEntry] = field(default_factory=list)
    sql: dict[str, Path] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)
    yaml: dict[str, Lines] = field(default_factory=dict)  # of each file that dbt reads
    unread: set[str] = field(default_factory=set)  # files that are no YAML
    problems: list[Problem] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)  # names that must occur

    def may_describe(self, path: Path) -> bool:
        """Say whether a YAML file beside a SQL file could not be read, so may describe it."""
        beside = Path(self.shown(path)).parent
        return any(Path(name).parent == beside for name in self.unread)

    @property
    def lines(self) -> Lines:
        """Return the lines of dbt_project.yml."""
        return self.yaml.get("dbt_project.yml") or Lines()

    def model(self, name: str) -> ModelEntry | None:
        """Return the YAML entry of a model."""
        found = [model for model in self.models if model.name == name]
        return next((model for model in found if model.is_own), found[0] if found else None)

    def shown(self, path: Path) -> str:
        """Return a path as problems name it."""
        return package.shown(self.folder, path)


def read_project(folder: Path) -> Project:
    """Read dbt_project.yml and every YAML that dbt reads. Unreadable files become problems.

    Where the project reads Madang as a package, what the package says holds too.
    """
    project = Project(folder)
    if madang := package.package_of(folder):
        beside = Project(madang)
        _read(beside)
        off, on = package.models_off(folder), package.models_on(folder)
        project.vars = beside.vars
        project.sql = {
            name: path
            for name, path in beside.sql.items()
            if name in on or not off & {name, *path.relative_to(madang).parts}
        }
        project.models, project.snapshots = (
            [
                replace(entry, file=project.shown(madang / entry.file), is_own=False)
                for entry in entries
                if entry.name not in beside.sql or entry.name in project.sql
            ]
            for entries in (beside.models, beside.snapshots)
        )
        project.unread = {project.shown(madang / name) for name in beside.unread}
        project.problems = [
            Problem(project.shown(madang / one.file), one.line, one.message, one.fix)
            for one in beside.problems
        ]
    _read(project)
    if madang is None:
        _leave_out(project, package.models_off(folder))
    return project


def _leave_out(project: Project, off: set[str]) -> None:
    """Take the models that are off as shipped out of Madang's own project."""
    gone = {
        name
        for name, path in project.sql.items()
        if off & {name, *path.relative_to(project.folder).parts}
    }
    project.sql = {name: path for name, path in project.sql.items() if name not in gone}
    project.models = [model for model in project.models if model.name not in gone]


def _read(project: Project) -> None:
    folder = project.folder
    main, _ = _load(project, folder / "dbt_project.yml")
    if isinstance(main, dict) and isinstance(main.get("vars"), dict):
        project.vars = {**project.vars, **main["vars"], **(main["vars"].get(package.NAME) or {})}
    models = folder / "models"
    project.sql = {**project.sql, **{path.stem: path for path in sorted(models.rglob("*.sql"))}}
    for path in sorted([*models.rglob("*.yml"), *models.rglob("*.yaml")]):
        project.models += _entries(project, path, "models")
    for other in OTHERS:
        for path in sorted([*(folder / other).rglob("*.yml"), *(folder / other).rglob("*.yaml")]):
            project.snapshots += _entries(project, path, "snapshots")
    _tell_doubles(project)


def _entries(project: Project, path: Path, key: str) -> list[ModelEntry]:
    """Read a YAML file; return what it describes under `models:` or `snapshots:`."""
    data, lines = _load(project, path)
    listed = data.get(key) if isinstance(data, dict) else None
    return [
        ModelEntry(entry["name"], project.shown(path), (key, number), entry, lines)
        for number, entry in enumerate(listed if isinstance(listed, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    ]


def _as_written(value: object) -> str:
    """A value of a rule as the warehouse compares it: as text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def is_personal(column: dict) -> bool:
    """Say whether a declared column is tagged as personal data (`config.meta.pii`)."""
    config = column.get("config")
    metas = [column.get("meta"), config.get("meta") if isinstance(config, dict) else None]
    return any(isinstance(meta, dict) and meta.get("pii") for meta in metas)


def _load(project: Project, path: Path) -> tuple[Any, Lines]:
    try:
        data, lines = load_located(path, shown_as=project.shown(path))
        project.yaml[project.shown(path)] = lines
        return data, lines
    except SpecError as error:
        project.unread.add(project.shown(path))
        given = error.problems or [Problem(error.where or project.shown(path), 0, error.message)]
        project.problems += given
        return None, Lines()


def _tell_doubles(project: Project) -> None:
    first: dict[str, ModelEntry] = {}
    for model in (model for model in project.models if model.is_own):
        other = first.setdefault(model.name, model)
        if other is not model:
            where = f"{other.file}:{line_of(other.lines, other.at)}"
            message = f"The model '{model.name}' is described twice (first in {where})."
            project.problems.append(model.problem(model.at, message, "Keep one of the two."))
