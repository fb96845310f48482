"""Streams: `config.meta.stream` of a company's own staging model that `madang_streams` names."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from madang.errors import Problem, did_you_mean
from madang.specs.project import ModelEntry, Project
from madang.specs.strict import Strict, validated
from madang.specs.values import Name

VARIABLE = "madang_streams"
#: How a person can be known: the types of identifiers, each with the column that holds it.
IDENTIFIERS = ("crm_id", "email", "phone")


class Column(Strict):
    """The value of a column of the model."""

    column: Name


Text = Annotated[
    Annotated[Column, Tag("(column)")] | Annotated[str, Tag("(text)")],
    Discriminator(lambda value: "(text)" if isinstance(value, str) else "(column)"),
]


class Identifiers(Strict):
    """The columns by which a row says whose it is."""

    crm_id: Name | None = None
    email: Name | None = None
    phone: Name | None = None


class Stream(Strict):
    """What a row of a staging model says that happened, when, and to which person.

    A text stands for itself, `{column: x}` for what is in the column. `links` says that all
    identifiers of one row belong to one person for sure.
    """

    source: Name
    key: Name
    occurred_at: Name
    action: Text
    object_type: Text | None = None
    object_id: Column | None = None
    object_name: Text | None = None
    value: Column | None = None
    currency: Text | None = None
    identifiers: Identifiers = Field(default_factory=Identifiers)
    links: bool = False

    def columns(self) -> Iterator[tuple[tuple, str]]:
        """Return the columns that it names, each with its place."""
        for name in ("key", "occurred_at"):
            yield (name,), getattr(self, name)
        for name in ("action", "object_type", "object_id", "object_name", "value", "currency"):
            if isinstance(given := getattr(self, name), Column):
                yield (name, "column"), given.column
        for name in IDENTIFIERS:
            if given := getattr(self.identifiers, name):
                yield ("identifiers", name), given


def check_streams(project: Project) -> dict[str, Stream]:
    """Return the streams by model; what is wrong with them goes to the project's problems."""
    found: dict[str, Stream] = {}
    named = project.vars.get(VARIABLE) or []
    described = {entry.name: entry for entry in project.models if entry.meta("stream")}
    for number, name in enumerate(named if isinstance(named, list) else []):
        if name not in described:
            line = project.lines.get(("vars", VARIABLE, number), 0)
            message = f"{VARIABLE}: the model '{name}' has no config.meta.stream in its YAML."
            message += did_you_mean(name, described)
            fix = "Say there what its columns are: docs/loading.md, 'a source of your own'."
            project.problems.append(Problem("dbt_project.yml", line, message, fix))
    for name, entry in described.items():
        value, place = entry.meta("stream")
        read, problems = validated(Stream, value, entry.file, entry.lines, place)
        project.problems += problems
        if name not in named:
            message = f"The stream of '{name}' is read by nothing."
            fix = f"Add '{name}' to vars.{VARIABLE} of dbt_project.yml."
            project.problems.append(entry.problem(place, message, fix))
        if read is not None:
            found[name] = read
            _check(project, entry, place, name, read)
    return found


def _check(project: Project, entry: ModelEntry, place: tuple, name: str, read: Stream) -> None:
    if not name.startswith("stg_"):
        message = f"A stream is a staging model: the name '{name}' must begin with 'stg_'."
        project.problems.append(entry.problem((*entry.at, "name"), message))
    columns = entry.columns()
    for at, column in read.columns() if columns else ():
        if column not in columns:
            message = f"'{name}' declares no column '{column}'.{did_you_mean(column, columns)}"
            fix = f"Columns: {', '.join(columns)}."
            project.problems.append(entry.problem((*place, *at), message, fix))
