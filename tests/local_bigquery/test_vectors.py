"""Contacts come to the same spelling in GoogleSQL as in DuckDB and in the loader."""

import csv
from pathlib import Path
from typing import Any

import jinja2
import pytest

from local_bigquery.engine import Scope, shared_engine
from madang.ingest.checks.signs import visible

REPOSITORY = Path(__file__).parents[2]
FILES = ("dialect/text.sql", "identity/signs.sql", "identity/normalize.sql")


def rendered(call: str) -> str:
    """A macro as dbt would render it for BigQuery."""

    class Adapter:
        def dispatch(self, name: str, package: str) -> Any:
            return getattr(module, f"default__{name}")

    class Madang:
        def __getattr__(self, name: str) -> Any:
            return getattr(module, name)

    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    own = {"adapter": Adapter(), "madang": Madang(), "return": lambda value: value}
    environment.globals |= own
    text = "".join((REPOSITORY / "macros" / file).read_text(encoding="utf-8") for file in FILES)
    module: Any = environment.from_string(text).module
    return environment.from_string(f"{text}{{{{ {call} }}}}").render().strip()


def literal(text: str) -> str:
    return "'" + "".join(f"\\U{ord(sign):08x}" for sign in text) + "'"


@pytest.mark.parametrize("kind", ["phone", "email"])
def test_contacts_come_to_one_spelling(kind: str) -> None:
    with (REPOSITORY / f"tests/vectors/{kind}s.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    spelling = rendered(f"normalize_{kind}('input')")
    inputs = ", ".join(literal(row["input"]) for row in rows)
    found = shared_engine().query(
        f"select ifnull({spelling}, '') as got "
        f"from unnest([{inputs}]) as input with offset as place order by place",
        Scope(),
    )
    got = [row.cell[0].string_value for row in found.rows]
    wanted = [(row["input"], row["expected"]) for row in rows]
    assert list(zip([text for text, _ in wanted], got, strict=True)) == wanted


def test_the_same_signs_are_invisible() -> None:
    gone = [at for at in range(1, 0xE1001) if visible(chr(at)) == "" and at < 0xE0200]
    numbers = sorted({beside for at in gone for beside in (at - 1, at, at + 1)})
    texts = "".join(map(chr, numbers))
    cleaned = rendered("visible('input')")
    found = shared_engine().query(
        f"select {cleaned} as got from (select {literal(texts)} as input)",
        Scope(),
    )
    assert found.rows[0].cell[0].string_value == visible(texts)
