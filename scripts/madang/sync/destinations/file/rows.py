"""The rows of a file: what stands in which column, and how it is brought to disk."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from madang import private
from madang.sync import files

ENDINGS = {"csv": ".csv", "jsonl": ".jsonl", "parquet": ".parquet"}
#: What a spreadsheet takes for the beginning of a formula, full width included; a plain number
#: such as +821012345678 or -5 is none.
FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
NUMBER = r"^[+-]?[0-9]+([.][0-9]+)?$"


@dataclass(frozen=True)
class Shape:
    """What a file looks like. `columns` are those beside the key, before others that rows have."""

    kind: str
    format: Literal["csv", "jsonl", "parquet"]
    content: Literal["full", "difference"]
    key_column: str
    columns: tuple[str, ...] = ()
    header: bool = True
    safe: bool = True


def made(
    connection: duckdb.DuckDBPyConnection, shape: Shape, state: Path | None
) -> tuple[str, list[str]]:
    """Return the query of a file's rows and its columns, from the table `changes`.

    Makes the table `held` of all rows, the changes to `state` made.
    """
    old = "select key, field, value from changes where false"
    if state is not None:
        old = f"select key, field, value from read_parquet({files.text(state)})"
    connection.execute(
        f"""
        create table held as
        select key, field, value from ({old}) as old
        where not exists (
            select 1 from changes where changes.key = old.key and changes.field = old.field
        )
        union all
        select key, field, value from changes where value is not null
        order by key, field"""
    )
    is_full = shape.content == "full"
    source = "held" if is_full else "changes"
    operation = "case when value is null then 'remove' else 'set' end"
    if shape.kind == "attributes" and not is_full:
        cells = {shape.key_column: "key", "field": "field", "operation": operation}
        return _query(cells | {"value": "json_extract_string(value, '$')"}, source, shape)
    cells = {shape.key_column: "key"}
    if shape.kind == "attributes":
        found = connection.execute("select distinct field from held order by field").fetchall()
        for (field,) in found:
            mine = f"filter (where field = {files.text(field)})"
            cells[field] = f"max(json_extract_string(value, '$')) {mine}"
        return _query(cells, f"{source} group by key", shape)
    if not is_full:
        cells["operation"] = operation
    found = connection.execute(
        f"select distinct unnest(json_keys(value)) as name from {source} "
        "where json_type(value) = 'OBJECT' order by name"
    ).fetchall()
    for name in dict.fromkeys([*shape.columns, *(name for (name,) in found)]):
        if name not in cells:
            place = files.text('$."' + name.replace('"', '""') + '"')
            cells[name] = f"json_extract_string(value, {place})"
    return _query(cells, source, shape)


def copied(connection: duckdb.DuckDBPyConnection, query: str, path: Path, shape: Shape) -> int:
    """Write a query's rows to a file; return how many."""
    options = {
        "csv": f"format csv, header {str(shape.header).lower()}, nullstr ''",
        "jsonl": "format json",
        "parquet": "format parquet, compression zstd",
    }[shape.format]
    connection.execute(f"copy ({query}) to {files.text(path)} ({options})")
    return int(connection.fetchall()[0][0])


def put(target: Path, write: Callable[[Path], int]) -> int:
    """Let `write` write a file beside its place, bring it to disk and rename it; return its rows.

    Only its owner may read it. What a killed run left half written goes.
    """
    private.folder(target.parent)
    for left in target.parent.glob(f".{target.name}.*.partial"):
        left.unlink(missing_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        count = write(partial)
        partial.chmod(private.FILE)
        _to_disk(partial)
        partial.replace(target)
        _to_disk(target.parent)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _query(cells: dict[str, str], source: str, shape: Shape) -> tuple[str, list[str]]:
    told = []
    for name, expression in cells.items():
        if shape.format == "csv" and shape.safe:
            expression = (
                f"case when regexp_matches({expression}, {files.text(FORMULA)}) "
                f"and not regexp_matches({expression}, {files.text(NUMBER)}) "
                f"then concat('''', {expression}) else {expression} end"
            )
        told.append(f'{expression} as "{name.replace(chr(34), chr(34) * 2)}"')
    by = "key" if "group by" in source else "key, field"
    return f"select {', '.join(told)} from {source} order by {by}", list(cells)
