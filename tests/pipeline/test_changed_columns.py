"""A table that is there already takes columns that are declared later, and other types of them."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from demo_workspace import AS_OF, copied_project
from export_files import EVENTS, Row, write
from madang.build.dbt import BuildError, run_dbt
from madang.settings.workspace import Settings, load_settings
from madang.warehouse import open_warehouse
from raw_events import event, listed

RUN = ["run", "--select", "+stg_ga4__items", "+base_ga4__events"]
#: What a project asks of the export before it knows better, and then.
AT_FIRST = {
    "ga4_params": {"label": "int64", "score": "string"},
    "ga4_user_properties": {"tier": "float64"},
    "ga4_item_params": {"size": "int64"},
}
THEN = {
    "ga4_params": {"label": "string", "score": "int64", "platform": "string"},
    "ga4_user_properties": {"tier": "string"},
    "ga4_item_params": {"size": "string"},
}
COLUMNS = ("label", "score", "user_tier")


def sold(day: str, label: Any, score: Any, **more: Any) -> Row:
    item = {"item_id": "HAT", "item_params": listed({"size": label})}
    params = {"label": label, "score": score, **more}
    return event("sold", day=day, params=params, user_properties={"tier": label}, items=[item])


@pytest.fixture(scope="module", params=["duckdb", "bigquery"])
def settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    root = tmp_path_factory.mktemp(request.param)
    copied_project(root / "project")
    rules = {"version": 1, "project": "project", "as_of": AS_OF}
    write([sold("20261028", 7, "12")], root / "ga4" / "events_20261028.parquet", EVENTS)
    later = sold("20261030", "hat", "11.5", platform="kiosk")
    write([later], root / "ga4" / "events_20261030.parquet", EVENTS)
    with ExitStack() as stack:
        if request.param == "bigquery":
            pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
            from bigquery_company import reach
            from local_bigquery.project import copy_shards
            from local_bigquery.server import serve

            server = stack.enter_context(serve("test-project", "asia-northeast3"))
            copy_shards(server, root / "ga4")
            rules["warehouse"] = reach(server)
        (root / "madang.yml").write_text(json.dumps(rules), encoding="utf-8")
        yield load_settings(root)


@pytest.fixture
def expire(settings: Settings) -> Callable[[str], None]:
    """Takes a shard of the export away, as Google does where storage expires."""

    def gone(name: str) -> None:
        (settings.root / "ga4" / f"{name}.parquet").unlink()
        if settings.warehouse.type == "bigquery":
            with open_warehouse(settings) as warehouse:
                warehouse.execute(f"drop table `analytics_000000000.{name}`")

    return gone


def values(settings: Settings, schema: str, table: str, column: str) -> set[object]:
    with open_warehouse(settings) as warehouse:
        rows = warehouse.fetch(f"select {column} from {warehouse.relation(schema, table)}")
    return {row[column] for row in rows}


def asked(settings: Settings, *columns: str, table: str = "base_ga4__events") -> list[tuple]:
    """What the columns hold, by day."""
    with open_warehouse(settings) as warehouse:
        rows = warehouse.fetch(
            f"select {', '.join(columns)} from {warehouse.relation('staging', table)} "
            "where event_date > date '2026-01-01' order by event_date"
        )
    return [tuple(row[column] for column in columns) for row in rows]


def test_a_landed_table_and_a_ledger(settings: Settings):
    run_dbt(settings, ["run", "--select", "+stg_crm__customers"])
    with open_warehouse(settings) as warehouse:
        customers = warehouse.relation("raw", "crm_customers")
        warehouse.ensure_layer("staging")
        warehouse.execute(f"alter table {customers} drop column region")
        warehouse.execute(f"insert into {customers} (customer_no) values ('C000001')")
        ledger = warehouse.relation("ledger", "built_models")
        warehouse.execute(f"alter table {ledger} drop column rules")
        # where it stood before there was a private schema
        for name in ("stg_crm__customers", "of_somebody"):
            former = warehouse.relation("staging", name)
            warehouse.execute(f"create table {former} as select 'a@b.example' as email")
    run_dbt(settings, ["run", "--select", "+stg_crm__customers"])
    with open_warehouse(settings) as warehouse:
        left = {"stg_crm__customers", "of_somebody"} & set(warehouse.columns("staging"))
        assert left == {"of_somebody"}
    assert values(settings, "raw", "crm_customers", "region") == {None}
    assert values(settings, "raw", "crm_customers", "customer_no") == {"C000001"}
    assert None not in values(settings, "ledger", "built_models", "rules")


def test_of_two_entries_of_a_table_the_higher_turn_holds(settings: Settings):
    """A run adds a row to the ledger; those before it go at its end, if it lives to see it."""
    model = "stg_crm__customers"

    def entries(before: str = "") -> list[tuple]:
        """What a run leaves in the ledger; `before` is put into it first: made_of and turn."""
        with open_warehouse(settings) as warehouse:
            ledger = warehouse.relation("ledger", "built_models")
            if before:
                warehouse.execute(
                    f"insert into {ledger} (model, made_of, turn) values ('{model}', {before})"
                )
        run_dbt(settings, ["run", "--select", f"+{model}"])
        with open_warehouse(settings) as warehouse:
            rows = warehouse.fetch(f"select made_of, turn from {ledger} where model = '{model}'")
        return [(row["made_of"], row["turn"]) for row in rows]

    ((made_of, turn),) = entries()
    assert entries("'of an earlier run', null") == [(made_of, turn)], "it is as it was"
    assert entries(f"'of a run that was killed', {turn + 1}") == [(made_of, turn + 2)]


def test_a_list(settings: Settings):
    run_dbt(settings, ["seed", "--select", "bot_browsers"])
    path = settings.project_dir / "seeds" / "bot_browsers.csv"
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    rows = [f"{head},noted_by", *(f"{row},me" for row in rows)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    run_dbt(settings, ["seed", "--select", "bot_browsers"])
    assert values(settings, "reference", "bot_browsers", "noted_by") == {"me"}


def test_a_parameter_of_another_type(settings: Settings, expire: Callable[[str], None]):
    run_dbt(settings, ["seed"])
    run_dbt(settings, RUN, variables=AT_FIRST)
    assert asked(settings, *COLUMNS) == [(7, "12", 7.0), (None, "11.5", None)]
    assert asked(settings, "size", table="stg_ga4__items") == [(7,), (None,)]

    # a build that dies when the columns have their new types, and then the old ones again
    model = settings.project_dir / "models" / "staging" / "ga4" / "base_ga4__events.sql"
    sound = model.read_text(encoding="utf-8")
    model.write_text(sound.replace("select * from final", "select * from nowhere"), "utf-8")
    with pytest.raises(BuildError):
        run_dbt(settings, RUN, variables=THEN)
    model.write_text(sound, encoding="utf-8")
    run_dbt(settings, RUN, variables=AT_FIRST)
    assert asked(settings, *COLUMNS) == [(7, "12", 7.0), (None, "11.5", None)]

    expire("events_20261028")
    run_dbt(settings, RUN, variables=THEN)
    gone, there = asked(settings, *COLUMNS)
    assert gone[:2] == ("7", 12)
    assert there == ("hat", None, "hat")
    assert asked(settings, "size", table="stg_ga4__items") == [("7",), ("hat",)]
    assert asked(settings, "platform", "param_platform") == [("WEB", None), ("WEB", "kiosk")]
    run_dbt(settings, RUN, variables=THEN)
    assert asked(settings, *COLUMNS) == [gone, there]
