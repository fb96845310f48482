"""Items of a catalog are sent without a consent, so no personal column is among their fields."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import Environment

MACRO = Path(__file__).parents[2] / "macros" / "activation" / "catalogs.sql"
DECLARED = {"meta": {}, "config": {"meta": {}}}
PERSONAL = {"meta": {}, "config": {"meta": {"pii": True}}}
COLUMNS = {
    name: {"name": name, **meta}
    for name, meta in {"store_id": DECLARED, "city": DECLARED, "manager": PERSONAL}.items()
}


class RefusedError(Exception):
    """What dbt makes of `raise_compiler_error`."""


class _ReturnedError(Exception):
    """What dbt makes of `return`."""


def items_of(graph: dict, *, item_id: str = "store_id", **fields: dict) -> str:
    """The SQL of `sync_catalog_items` over `marts.stores`."""

    def refuse(message: str) -> None:
        raise RefusedError(message)

    def returned(value: Any) -> None:
        raise _ReturnedError(value)

    def personal_columns(relation: Any) -> Any:
        with pytest.raises(_ReturnedError) as found:
            macros.personal_columns(relation)
        return found.value.args[0]

    package = SimpleNamespace(
        sync_rule=lambda: {"catalog": "stores", "item_id": item_id, "fields": fields},
        sync_catalog_value=lambda column, _type: column,
        personal_columns=personal_columns,
        text_literal=repr,
        json_object=str,
    )
    names = {
        "madang": package,
        "graph": {"nodes": {}, "sources": {}, **graph},
        "execute": True,
        "model": {"name": "sync_braze__stores"},
        "exceptions": SimpleNamespace(raise_compiler_error=refuse),
        "return": returned,
    }
    environment = Environment(extensions=["jinja2.ext.do"])
    macros = environment.from_string(MACRO.read_text(encoding="utf-8"), names).make_module()
    return macros.sync_catalog_items(SimpleNamespace(schema="marts", identifier="stores"))


def node(kind: str, **told: str) -> dict:
    return {f"{kind}.x": {"schema": "marts", "resource_type": kind, "columns": COLUMNS, **told}}


@pytest.mark.parametrize(
    "graph",
    [
        {"nodes": node("model", name="stores", alias="stores")},
        {"nodes": node("model", name="shop_stores", alias="stores")},
        {"nodes": node("seed", name="stores", alias="stores")},
        {"nodes": node("snapshot", name="stores", alias="stores")},
        {"sources": node("source", name="branches", identifier="stores")},
    ],
)
@pytest.mark.parametrize(
    "used",
    [{"by": {"from": "manager"}}, {"manager": {}}, {"MANAGER": {}}, {"item_id": "manager"}],
)
def test_a_personal_column_is_refused_wherever_it_is_declared(graph, used):
    with pytest.raises(RefusedError, match="the column manager of stores is personal"):
        items_of(graph, **used)


def test_other_columns_are_sent_and_other_relations_do_not_count():
    graph = {"nodes": node("model", name="stores", alias="stores")}
    assert "store_id" in items_of(graph, city={})
    elsewhere = node("model", name="stores", alias="stores", schema="raw")
    assert "manager" in items_of({"nodes": elsewhere}, manager={})
