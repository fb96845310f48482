"""Where the SQL that Python writes differs between the warehouses; everything else is shared.

The shared SQL keeps to what both read alike: `?` for parameters, `union distinct`, `cast(x as
string)`, and a column that may be a reserved word behind its table's alias (`files.rows`).
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """One warehouse's spelling of a name, a text value and a hash."""

    name: str
    quoted: Callable[[str], str]
    literal: Callable[[str], str]
    sha256_hex: Callable[[str], str]


def _duckdb_quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _duckdb_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _bigquery_quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _bigquery_literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + escaped.replace("\n", "\\n").replace("\r", "\\r") + "'"


DUCKDB = Dialect("duckdb", _duckdb_quoted, _duckdb_literal, "sha256({})".format)
BIGQUERY = Dialect("bigquery", _bigquery_quoted, _bigquery_literal, "to_hex(sha256({}))".format)
DIALECTS = {dialect.name: dialect for dialect in (DUCKDB, BIGQUERY)}
