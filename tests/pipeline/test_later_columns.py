"""A table that is there already takes a column that it is declared with later."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from demo_workspace import AS_OF, copied_project
from madang.config import Settings, load_settings
from madang.dbt import run_dbt
from madang.warehouse import open_warehouse


@pytest.fixture(scope="module", params=["duckdb", "bigquery"])
def settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    root = tmp_path_factory.mktemp(request.param)
    copied_project(root / "project")
    rules = {"version": 1, "project": "project", "as_of": AS_OF}
    with ExitStack() as stack:
        if request.param == "bigquery":
            pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
            from bigquery_company import EXPORT, reach
            from googlesql.server import serve

            server = stack.enter_context(serve("test-project", "asia-northeast3"))
            server.catalog.add_dataset("test-project", EXPORT)
            rules["warehouse"] = reach(server)
        (root / "madang.yml").write_text(json.dumps(rules), encoding="utf-8")
        yield load_settings(root)


def values(settings: Settings, schema: str, table: str, column: str) -> set[object]:
    with open_warehouse(settings) as warehouse:
        rows = warehouse.fetch(f"select {column} from {warehouse.relation(schema, table)}")
    return {row[column] for row in rows}


def test_a_landed_table_and_a_ledger(settings: Settings):
    run_dbt(settings, ["run", "--select", "stg_crm__customers"])
    with open_warehouse(settings) as warehouse:
        customers = warehouse.relation("raw", "crm_customers")
        warehouse.execute(f"alter table {customers} drop column region")
        warehouse.execute(f"insert into {customers} (customer_no) values ('C000001')")
        days = warehouse.relation("ledger", "built_models")
        warehouse.execute(f"alter table {days} drop column rules")
    run_dbt(settings, ["run", "--select", "stg_crm__customers"])
    assert values(settings, "raw", "crm_customers", "region") == {None}
    assert values(settings, "raw", "crm_customers", "customer_no") == {"C000001"}
    assert None not in values(settings, "ledger", "built_models", "rules")


def test_a_list(settings: Settings):
    run_dbt(settings, ["seed", "--select", "bot_browsers"])
    path = settings.project_dir / "seeds" / "bot_browsers.csv"
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    rows = [f"{head},noted_by", *(f"{row},me" for row in rows)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    run_dbt(settings, ["seed", "--select", "bot_browsers"])
    assert values(settings, "reference", "bot_browsers", "noted_by") == {"me"}
