"""The source YAML of the dbt project, read as the loader's mapping: files, headers, types."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field

from madang.errors import Problem, SpecError, did_you_mean
from madang.ingest.checks.values import TYPES, fold
from madang.ingest.header import header_key
from madang.ingest.tables import SourceColumn, SourceTable
from madang.specs import package
from madang.specs.located_yaml import Lines, line_of, load_located
from madang.specs.strict import Strict, matching, validated

Meta = TypeVar("Meta", bound=Strict)
Share = Annotated[float, Field(ge=0, le=1)]
NAME = re.compile(r"[a-z][a-z0-9_]*")
# What no two tables may have in common: how it is said, and what to do.
ALONE = {
    "identifier": ("land in one table,", "Give one another 'identifier'."),
    "receive": ("both receive", "Give one another name."),
    "pull": ("both pull", "Give one another name."),
}


def _known_type(kind: str) -> str:
    if kind not in TYPES:
        raise ValueError(f"Unknown type '{kind}'.{did_you_mean(kind, TYPES)}")
    return kind


class LoadMeta(Strict):
    """`config.meta.load` of a source table.

    `key_means` are columns that say what a key stands for: a key with two values in one of them
    stands for two things, which the load tells.
    """

    files: Annotated[list[str], Field(min_length=1)]
    format: Literal["table", "braze_currents"] = "table"
    mode: Literal["snapshot", "delta"]
    key: list[str] = Field(default_factory=list)
    key_means: list[str] = Field(default_factory=list)
    stop_rows: list[str] = Field(default_factory=list)
    receive: Annotated[str, matching(r"[a-z][a-z0-9-]*", "a kind such as outcomes")] | None = None
    pull: Annotated[str, matching(r"[A-Za-z]\w*", "an object such as Account")] | None = None
    sheets: list[str] = Field(default_factory=list)
    max_reject_share: Share | None = None
    max_shrink_share: Share | None = None


Kind = Annotated[str, matching(r"[a-z][a-z0-9_]*", "a plain name such as order_id")]


class ColumnMeta(Strict):
    """`config.meta` of a column of a loaded table.

    `identifies` names what a value stands for, which is one person's: who is erased loses every row
    with it. `refers_to` points to such a value. With `only_where`, a column of booleans, it stands
    for a person only where that says so. `words` names the seed that lists its words in a column
    `word`: others land too, and the load tells them.
    """

    headers: list[str] = Field(default_factory=list)
    type: Annotated[str, AfterValidator(_known_type)] = "text"
    required: bool = False
    choices: dict[str, list[str]] = Field(default_factory=dict)
    words: Kind | None = None
    pii: bool = False
    identifies: Kind | None = None
    refers_to: Kind | None = None
    only_where: Kind | None = None


def read_sources(project_dir: Path) -> list[SourceTable]:
    """Return every source table with `config.meta.load`, in the order of files and of the YAML.

    Reads `models/staging/**/_*__sources.yml`. Raises SpecError with every problem found, each with
    file, line and "did you mean": unknown keys and types, keys that are no column, a header or a
    spelling that stands for two things, two tables with one identifier.
    """
    tables: list[SourceTable] = []
    found: list[Problem] = []
    for path, shown in package.files(project_dir, "models/staging/**/_*__sources.yml"):
        data, lines = load_located(path, shown_as=shown)
        for place, source, table in _tables(data):
            try:
                tables.append(_table(source, table, place, shown, lines))
            except SpecError as error:
                found += error.problems
    found += _repeated(tables)
    if not found:  # else what they name may stand in a table that could not be read
        found += _unknown_kinds(tables)
    if found:
        raise SpecError.of(found)
    return tables


def _tables(data: Any) -> Iterator[tuple[tuple, str, dict]]:
    """Walk to the tables that are loaded from files; the rest of the YAML is dbt's own business."""
    sources = data.get("sources") if isinstance(data, dict) else None
    for at, source in enumerate(sources if isinstance(sources, list) else []):
        tables = source.get("tables") if isinstance(source, dict) else None
        for number, table in enumerate(tables if isinstance(tables, list) else []):
            if isinstance(table, dict) and "load" in _meta(table):
                yield ("sources", at, "tables", number), str(source.get("name")), table


def _meta(entry: dict) -> dict:
    config = entry.get("config")
    meta = config.get("meta") if isinstance(config, dict) else None
    return meta if isinstance(meta, dict) else {}


def _table(source: str, table: dict, place: tuple, file: str, lines: Lines) -> SourceTable:
    """Build one table. Raises SpecError with all its problems."""
    found: list[Problem] = []
    load_at = (*place, "config", "meta", "load")
    load = _parsed(LoadMeta, _meta(table)["load"], file, lines, load_at, found)
    columns: list[SourceColumn] = []
    for number, entry in enumerate(table.get("columns") or []):
        at = (*place, "columns", number)
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not NAME.fullmatch(name):
            message = "A loaded column needs a plain lower-case name that starts with a letter."
            found.append(Problem(file, line_of(lines, at), message))
            continue
        meta = _parsed(ColumnMeta, _meta(entry), file, lines, (*at, "config", "meta"), found)
        if meta:
            described = " ".join(str(entry.get("description") or "").split())
            column = SourceColumn(name=name, description=described, **dict(meta))
            columns.append(column)
            found += _choice_problems(column, file, line_of(lines, (*at, "config", "meta")))
    if not columns and not found:
        message = "A table with 'load' needs columns."
        found.append(Problem(file, line_of(lines, place), message))
    if load:
        line = line_of(lines, (*load_at, "key"))
        names = [column.name for column in columns]
        for key in [*load.key, *load.key_means] if not found else []:
            if key not in names:
                message = f"The key column '{key}' is not declared.{did_you_mean(key, names)}"
                found.append(Problem(file, line, message))
        if not load.key and (load.mode == "snapshot" or load.receive or load.key_means):
            message = "Without 'key' a table is a delta that receives nothing; name its key."
            found.append(Problem(file, line, message))
    found += _shared_headers(columns, file, line_of(lines, (*place, "columns")))
    if found or load is None:
        raise SpecError.of(found)
    name = str(table.get("name"))
    identifier = str(table.get("identifier", name))
    declared_at = f"{file}:{line_of(lines, place)}"
    return SourceTable(
        source=source,
        name=name,
        identifier=identifier,
        columns=columns,
        declared_at=declared_at,
        **dict(load),
    )


def _parsed(
    model: type[Meta], data: Any, file: str, lines: Lines, at: tuple, found: list[Problem]
) -> Meta | None:
    read, problems = validated(model, data, file, lines, at)
    found += problems
    return read


def _choice_problems(column: SourceColumn, file: str, line: int) -> list[Problem]:
    if (column.type == "choice") != bool(column.choices):
        message = f"{column.name}: 'type: choice' and 'choices' belong together."
        return [Problem(file, line, message)]
    problems, meant = [], {}
    if column.words and column.type != "text":
        problems.append(Problem(file, line, f"{column.name}: 'words' belongs to 'type: text'."))
    for value, spellings in column.choices.items():
        for spelling in [value, *spellings]:
            if meant.setdefault(fold(spelling), value) != value:
                message = f"{column.name}: '{spelling}' stands for two values of 'choices'."
                problems.append(Problem(file, line, message))
    return problems


def _shared_headers(columns: list[SourceColumn], file: str, line: int) -> list[Problem]:
    problems, owner = [], {}
    for column in columns:
        for header in column.synonyms:
            first = owner.setdefault(header_key(header), column.name)
            if first != column.name:
                message = f"The header '{header}' stands for both '{first}' and '{column.name}'."
                problems.append(Problem(file, line, message))
    return problems


def _repeated(tables: list[SourceTable]) -> list[Problem]:
    problems = []
    for key, (said, fix) in ALONE.items():
        owner: dict[str, SourceTable] = {}
        for table in tables:
            name = getattr(table, key)
            first = owner.setdefault(name, table) if name else table
            if first is not table:
                file, _, line = table.declared_at.rpartition(":")
                message = f"{table.label} and {first.label} {said} '{name}'."
                problems.append(Problem(file, int(line), message, fix))
    return problems


def _unknown_kinds(tables: list[SourceTable]) -> list[Problem]:
    known = {column.identifies for table in tables for column in table.columns}
    problems = []
    for table in tables:
        file, _, line = table.declared_at.rpartition(":")
        names = [column.name for column in table.columns]
        for column in table.columns:
            for key, value, there in (
                ("refers_to", column.refers_to, sorted(filter(None, known))),
                ("only_where", column.only_where, names),
            ):
                if value and value not in there:
                    message = f"{table.label}: '{key}: {value}' of {column.name} is nothing known."
                    message += did_you_mean(value, there)
                    problems.append(Problem(file, int(line), message))
    return problems
