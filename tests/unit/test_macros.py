"""Macros that a company's project reaches call each other by the package's name.

There a bare name is unknown: dbt gives a macro the names that the model sees which uses it.
"""

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Environment

ROOT = Path(__file__).parents[2]
#: What a company's models, tests and staging call, beside all generic tests.
PUBLIC = {
    *("audience", "funnel", "list_of_actions", "job_labels", "table_when_changed"),
    *("sync_rule", "sync_permits", "sync_held_back", "sync_customer_numbers", "sync_catalog_items"),
    *("default__get_where_subquery", "duckdb__create_table_as"),
    *("get_incremental_overwrite_days_sql", "as_of", "local_date", "surrogate_key", "sha256_hex"),
    *("normalize_email", "normalize_phone", "real_id", "timestamp_from_text", "number_from_text"),
    *("text_literal", "text_literals", "list_of"),
}
BLOCK = re.compile(
    r"\{%-?\s*(?P<kind>macro|materialization|test)\s+(?P<name>\w+)(?P<body>.*?)"
    r"\{%-?\s*end(?:macro|materialization|test)\b",
    re.DOTALL,
)
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
CALL = re.compile(r"(?<![\w.])(madang\.)?(\w+)\(")
DISPATCHED = re.compile(r"adapter\.dispatch\('(\w+)'")


def test_macros_that_a_company_reaches_call_each_other_by_the_packages_name() -> None:
    bodies: dict[str, tuple[str, str]] = {}
    wanted = set(PUBLIC)
    for path in sorted((ROOT / "macros").rglob("*.sql")):
        for block in BLOCK.finditer(path.read_text(encoding="utf-8")):
            bodies[block["name"]] = (path.relative_to(ROOT).as_posix(), block["body"])
            wanted |= {block["name"]} if block["kind"] == "test" else set()
    assert {*bodies} >= PUBLIC
    bare, seen = [], set()
    while wanted:
        name = wanted.pop()
        seen.add(name)
        file, body = bodies[name]
        for is_qualified, called in _calls(body, bodies):
            if not is_qualified:
                bare.append(f"{file}: {name} calls {called}, not madang.{called}")
            wanted |= {called} - seen
    assert sorted(bare) == []
    assert len(seen) > 50, "a search that finds nothing shows nothing"


def test_warehouses_differ_in_two_folders_alone() -> None:
    found = set()
    for path in (ROOT / "macros").rglob("*.sql"):
        text = path.read_text(encoding="utf-8")
        # `dbt` is dbt's own namespace: which form of its macros is in use
        if re.search(r"adapter\.dispatch\('\w+'(?!, 'dbt')|macro (?:duckdb|bigquery)__", text):
            found.add(path.parent.relative_to(ROOT).as_posix())
        assert "target.type" not in text, f"{path}: make it a primitive of macros/dialect"
    assert found == {"macros/dialect", "macros/ga4/read"}


def test_every_list_can_be_added_to() -> None:
    keys = (ROOT / "macros" / "list_of.sql").read_text(encoding="utf-8")
    lists = {path.stem for path in (ROOT / "seeds").glob("*.csv")}
    assert {name for name in lists if f"'{name}': [" not in keys} == set()
    for path in [*(ROOT / "models").rglob("*.sql"), *(ROOT / "macros").rglob("*.sql")]:
        named = set(re.findall(r"\bref\('(\w+)'\)", path.read_text(encoding="utf-8"))) & lists
        assert named == set(), f"{path}: read a list by list_of()"


def test_platforms_take_the_click_ids_that_their_limits_name() -> None:
    rules = (ROOT / "macros" / "attribution" / "touch_rules.sql").read_text(encoding="utf-8")
    (taken,) = re.findall(r"(?s)macro reported_click_ids\(\) %}\s*{{ return\((.*?)\) }}", rules)
    (read,) = re.findall(r"(?s)macro click_id_names\(\) %}\s*{{ return\((.*?)\) }}", rules)
    with (ROOT / "seeds" / "upload_limits.csv").open(encoding="utf-8", newline="") as file:
        limits = {row["platform"]: row["click_ids"].split() for row in csv.DictReader(file)}
    by_platform = ast.literal_eval(taken)
    assert by_platform == {platform: names for platform, names in limits.items() if names}
    assert {name for names in by_platform.values() for name in names} <= {*ast.literal_eval(read)}


def items(told: dict, column: str, meta: dict, **table: str) -> str:
    """The SQL of a catalog with one field of a table that has one column besides its id."""

    def refuse(message: str) -> None:
        raise ValueError(message)

    text = (ROOT / "macros/activation/catalogs.sql").read_text(encoding="utf-8")
    said = {"item_id": {"name": "item_id"}, column: {"name": column, **meta}}
    node = {"name": "people", "columns": said, "alias": "people", **table}
    macros = Environment(extensions=["jinja2.ext.do"]).from_string(text, {
        "madang": SimpleNamespace(
            sync_rule=lambda: {"catalog": "c", "item_id": "item_id", "fields": {"a": told}},
            sync_catalog_value=lambda column, kind: column,
            text_literal=repr,
            json_object=str,
        ),
        "exceptions": SimpleNamespace(raise_compiler_error=refuse),
        "graph": {table.get("kind", "nodes"): {"one": node}},
        "execute": True,
        "model": {"name": "sync_braze__people"},
    }).module  # fmt: skip
    relation = type("Relation", (), {"__str__": lambda self: "people"})()
    relation.identifier = table.get("read_as", "people")
    return macros.sync_catalog_items(relation)


PERSONAL = {"config": {"meta": {"pii": True}}}


@pytest.mark.parametrize(
    ("told", "table"),
    [
        ({"from": "email"}, {}),
        ({"from": "EMAIL"}, {}),
        ({"from": "email"}, {"name": "stg_people"}),
        ({"from": "email"}, {"read_as": "__dbt__cte__people"}),
        ({"from": "email"}, {"kind": "sources", "identifier": "People"}),
    ],
)
def test_a_personal_column_is_no_field_of_a_catalog_however_it_is_written(told, table) -> None:
    with pytest.raises(ValueError, match=r"the column Email of \w+ is personal"):
        items(told, "Email", PERSONAL, **table)
    assert "Email" in str(items({"from": "Email"}, "Email", {"config": {"meta": {}}}, **table))
    assert "name" in str(items({"from": "name"}, "Email", PERSONAL, **table))


@pytest.mark.parametrize(
    ("schema", "meta", "is_refused"),
    [
        ("marts", {"pii": True}, True),
        ("marts", {"pii": "contact"}, True),
        ("marts", {"pii": "indirect"}, False),
        ("marts", {"pii": False}, False),
        ("private", {"pii": True}, False),
        ("activation", {"pii": True}, False),
        (None, {"pii": True}, True),
    ],
)
@pytest.mark.parametrize("place", ["config", "meta"])
def test_a_personal_column_stands_in_a_closed_schema(schema, meta, is_refused, place) -> None:
    refused = []
    column = {"name": "email", place: {"meta": meta} if place == "config" else meta}
    node = {
        "name": "my_people",
        "resource_type": "model",
        "schema": f"madang_{schema}",
        "config": {"schema": schema, "materialized": "table"},
        "columns": {"email": column},
    }
    text = (ROOT / "macros/private.sql").read_text(encoding="utf-8")
    macros = Environment(extensions=["jinja2.ext.do"]).from_string(text, {
        "exceptions": SimpleNamespace(raise_compiler_error=refused.append),
        "flags": SimpleNamespace(WHICH="build"),
        "graph": {"nodes": {"model.mine.my_people": node}},
        "execute": True,
        "return": lambda found: found,
    }).module  # fmt: skip
    macros.check_private_columns()
    assert bool(refused) == is_refused
    if refused:
        assert "my_people has the personal column email" in refused[0]


def _calls(body: str, known: dict[str, tuple[str, str]]) -> Iterator[tuple[bool, str]]:
    for code in JINJA.findall(body):
        for qualified, name in CALL.findall(TEXT.sub("''", code)):
            if name in known:
                yield bool(qualified), name
        for name in DISPATCHED.findall(code):
            yield from ((True, one) for one in known if one.endswith(f"__{name}"))
