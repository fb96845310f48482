"""A build leaves alone what cannot have changed: how much that is, and that nothing else is.

A wrong skip is yesterday's table under today's date, so most of this is about when nothing may be
left out, and the tables are compared with those of a build from nothing.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from demo_workspace import (
    AS_OF,
    SCRIPTS,
    WITHOUT_TESTS,
    command,
    copied_project,
    environment,
)
from madang.build.build import build
from madang.build.dbt import BuildError, run_dbt
from madang.build.unchanged import Look, look, remember
from madang.build.unchanged_graph import CLOCK, DAY, UNTIL_HAPPENED, Graph
from madang.demo import generate
from madang.settings.workspace import load_settings
from madang.work import load

A_MINUTE_LATER, AN_HOUR_LATER = (
    f"{AS_OF[:11]}{time}{AS_OF[19:]}" for time in ("12:01:00", "13:00:00")
)
MONTHS_LATER = "2027-03-15T12:00:00+09:00"
#: What hangs on the clock, and what is made of that.
RESTLESS = {"audience_permits", "funnel_entries", "audience_members", "person_stages"}
#: Of the run, and so another in every run.
OF_THE_RUN = {"built_at", "loaded_at", "run_id", "revision"}
#: Logs of what was known when, which a build from nothing does not know.
HISTORY = (
    *("madang_history", "identity_history", "audience_membership", "audience_leavers"),
    "restatements",
)
NEW_ORDER = """
    insert into madang_raw.shop_orders by name
    select * replace ('NEW-' || order_id as order_id, now()::timestamp as _loaded_at)
    from madang_raw.shop_orders limit 1"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small company with a project of its own, loaded and built. Only copies are changed."""
    root = tmp_path_factory.mktemp("unchanged") / "company"
    generate(root, people=300, days=5)
    last = sorted((root / "ga4").glob("events_*"))[-1]
    (root / "to_come").mkdir()
    last.rename(root / "to_come" / last.name)
    copied_project(root / "project")
    set_clock(root, AS_OF)
    settings = load_settings(root)
    load(settings)
    assert build(settings) in (0, 3)
    return root


@pytest.fixture
def home(first: Path) -> Iterator[Path]:
    """The company in its place, as it was after the first build."""
    kept = first.with_name("kept")
    if not kept.exists():
        shutil.copytree(first, kept)
    yield first
    shutil.rmtree(first)
    shutil.copytree(kept, first, copy_function=shutil.copy2)


def set_clock(root: Path, as_of: str, more: str = "") -> None:
    text = f"version: 1\nas_of: {as_of}\nproject: project\n{more}"
    (root / "madang.yml").write_text(text, encoding="utf-8")


def sql(root: Path, statement: str) -> list[tuple]:
    with duckdb.connect(str(root / "warehouse.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(statement).fetchall()


def noted(root: Path) -> bool:
    """Whether there is a note of a whole build."""
    return bool(sql(root, "from duckdb_tables() where table_name = 'whole_builds'"))


def seen(root: Path) -> Look:
    return look(load_settings(root))


def chosen(root: Path) -> set[str] | None:
    """The names of the models, seeds and tests that the next build would build; None for all."""
    found = seen(root).chosen
    return None if found is None else {name.split(".")[2] for name in found}


def ran(root: Path, *, everything: bool = False) -> set[str]:
    """Build, and return the names of what dbt ran."""
    assert build(load_settings(root), everything=everything) in (0, 3)
    text = (root / "target" / "run_results.json").read_text(encoding="utf-8")
    return {name.split(".")[2] for name in re.findall(r'"unique_id":\s*"([^"]+)"', text)}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def tables(root: Path, *, but: tuple[str, ...] = ()) -> dict[str, list]:
    """All tables that dbt builds, rows in order, without what tells of the run."""
    found = {}
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        columns: dict[str, list[str]] = {}
        for schema, table, column in connection.execute(
            "select table_schema, table_name, column_name from information_schema.columns "
            "where table_schema not in ('madang_raw', 'madang_ledger') order by ordinal_position"
        ).fetchall():
            if not {schema, table} & {*but} and column not in OF_THE_RUN:
                columns.setdefault(f"{schema}.{table}", []).append(f'"{column}"')
        for table, names in columns.items():
            rows = f"select {', '.join(names)} from {table} order by all"
            found[table] = connection.execute(rows).fetchall()
    return found


def from_nothing(root: Path) -> dict[str, list]:
    """The tables that plain dbt makes of the same raw tables and files, with nothing built yet."""
    with duckdb.connect(str(root / "warehouse.duckdb")) as connection:
        for (schema,) in connection.execute(
            "select schema_name from information_schema.schemata where schema_name like 'madang_%' "
            "and schema_name not in ('madang_raw', 'madang_ledger')"
        ).fetchall():
            connection.execute(f"drop schema {schema} cascade")
        for table in ("ga4_built_days", "built_models"):
            connection.execute(f"delete from madang_ledger.{table}")
    by_plain_dbt(root)
    return tables(root, but=HISTORY)


def by_plain_dbt(root: Path) -> None:
    run_dbt(load_settings(root), ["build", *WITHOUT_TESTS])


def differing(left: dict[str, list], right: dict[str, list]) -> list[str]:
    return sorted(name for name in {*left, *right} if left.get(name) != right.get(name))


# what is left out


def test_a_second_build_runs_only_what_hangs_on_the_clock(home: Path, capsys) -> None:
    set_clock(home, A_MINUTE_LATER)
    nodes = len(seen(home).graph.nodes)
    capsys.readouterr()
    built = ran(home)
    told = capsys.readouterr().out
    assert built >= RESTLESS
    assert not built & {"activities", "sessions", "base_ga4__events", "stg_crm__customers"}
    left = int(re.search(r"(\d+) nodes left as they are", told)[1])
    assert left > 0.7 * nodes
    assert len({name for name in built if "-on-run-" not in name}) <= nodes - left
    set_clock(home, AN_HOUR_LATER)
    assert ran(home) == built, "the note that a part of a build leaves serves the next one"
    assert not chosen(home) & {"funnel_entries", "person_stages"}, "the clock stands still"
    text = (home / "madang.yml").read_text(encoding="utf-8")
    (home / "madang.yml").write_text(text.replace("as_of", "# as_of"), encoding="utf-8")
    assert chosen(home) >= RESTLESS, "the real clock does not"
    no_clock = 'regexp_replace(made_of, \'"clock": "[^"]*"\', \'"clock": null\')'
    sql(home, f"update madang_ledger.whole_builds set made_of = {no_clock}")
    assert chosen(home) >= RESTLESS, "nor did it at the build before"


def test_a_landed_row_builds_exactly_what_is_made_of_it(home: Path) -> None:
    before, graph = chosen(home), seen(home).graph
    sql(home, NEW_ORDER)
    wanted = {"source.madang.shop.orders"}
    size = 0
    while size < len(wanted):
        size = len(wanted)
        wanted |= {key for key in graph.nodes if graph.reads(key) & wanted}
    assert chosen(home) == before | {key.split(".")[2] for key in wanted if key in graph.nodes}
    assert {"stg_shop__orders", "shop_activities", "activities"} <= chosen(home)
    assert "base_ga4__events" not in chosen(home)
    ran(home)
    assert chosen(home) == before
    sql(home, "delete from madang_raw.shop_orders where order_id like 'NEW-%'")
    assert "stg_shop__orders" in chosen(home)


@pytest.mark.parametrize("change", ["changed", "new", "gone"])
def test_files_of_the_export_are_noticed(home: Path, change: str) -> None:
    assert "base_ga4__shards" not in chosen(home)
    shard = sorted((home / "ga4").glob("events_*"))[-1]
    if change == "changed":
        os.utime(shard, ns=(shard.stat().st_atime_ns, shard.stat().st_mtime_ns + 1))
    elif change == "new":
        shutil.copy2(shard, shard.with_name("events_20270101.parquet"))
    else:
        shard.unlink()
    found = chosen(home)
    assert {"base_ga4__shards", "base_ga4__user_shards", "base_ga4__events", "sessions"} <= found
    assert "stg_crm__customers" not in found


def test_sent_values_are_noticed(home: Path) -> None:
    sql(home, "insert into madang_ledger.sync_runs (run_id, sync, status) values ('1', 'a', 'b')")
    assert {"stg_sync__runs", "sync_results"} <= chosen(home)
    sql(home, "update madang_ledger.sync_runs set status = 'c'")
    assert "stg_sync__runs" in chosen(home)


# when nothing may be left out


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("project/models/marts/customers/customer_values.sql", "select", "select /* other */"),
        ("project/macros/surrogate_key.sql", "{% macro", "{# other #}\n{% macro"),
        ("project/seeds/bot_browsers.csv", "\n", "\nanother"),
        ("project/dbt_project.yml", "ga4_cadence_hours: 48", "ga4_cadence_hours: 49"),
        ("project/models/marts/customers/_customers__models.yml", "One row", "One  row"),
        ("project/tests/data/sessions_reconcile.sql", "select", "select /* other */"),
        ("decisions/identity_decisions.csv", "\n", "\n\n"),
        ("project/profiles.yml.example", "madang", "# other\nmadang"),
        ("madang.yml", "project:", "currency: USD\nproject:"),
    ],
    ids=lambda value: value.rpartition("/")[2] if "." in value else "",
)
def test_after_a_change_of_the_rules_everything_is_built(
    home: Path, file: str, old: str, new: str
) -> None:
    assert chosen(home) is not None
    edit(home / file, old, new)
    assert chosen(home) is None


def test_an_environment_variable_of_the_project_is_a_rule(home: Path, monkeypatch) -> None:
    path = home / "project/models/marts/customers/customer_values.sql"
    edit(path, "select", "-- {{ env_var('OF_THIS_TEST', '') }}\nselect")
    ran(home)
    assert chosen(home) is not None
    monkeypatch.setenv("OF_THIS_TEST", "1")
    assert chosen(home) is None
    edit(path, "env_var('OF_THIS_TEST'", "env_var('OF_' ~ 'THIS_TEST'")
    assert build(load_settings(home)) == 2, "nobody knows what it reads"


@pytest.mark.parametrize(
    "args", [("run", "-s", "stg_crm__customers"), ("test", "-s", "customers"), ("seed",)]
)
def test_after_plain_dbt_everything_is_built(home: Path, args: tuple[str, ...]) -> None:
    run_dbt(load_settings(home), list(args))
    assert chosen(home) is None


def test_looking_with_dbt_changes_nothing(home: Path) -> None:
    run_dbt(load_settings(home), ["compile", "-s", "stg_crm__customers"])
    assert chosen(home) is not None


def test_after_a_selection_everything_is_built(home: Path) -> None:
    build(load_settings(home), select=["stg_crm__customers"])
    assert chosen(home) is None


def test_a_build_of_everything_can_be_asked_for(home: Path) -> None:
    assert "base_ga4__events" in ran(home, everything=True)
    assert chosen(home) is not None


def test_after_a_failed_node_everything_is_built(home: Path) -> None:
    sql(home, NEW_ORDER)
    test = home / "project/tests/data/fails.sql"
    test.write_text("select * from {{ ref('stg_shop__orders') }}", encoding="utf-8")
    with pytest.raises(BuildError):
        build(load_settings(home))
    assert not noted(home)
    test.unlink()
    assert chosen(home) is None


def test_after_a_killed_build_everything_is_built(home: Path) -> None:
    """Also where all nodes were built, and only the note was not written."""
    hook = "import os, madang.build.build as b; b.remember = lambda *_: os.kill(os.getpid(), 9)"
    code = f"{hook}; from madang.cli import main; main()"
    killed = subprocess.run(
        [SCRIPTS / "python", "-c", code, "--config", str(home), "build"],
        env=environment(),
        capture_output=True,
        timeout=300,
    )
    assert killed.returncode == -signal.SIGKILL
    assert chosen(home) is None


def test_a_missing_table_has_everything_built(home: Path) -> None:
    sql(home, "drop table madang_activity.sessions")
    assert chosen(home) is None
    assert "sessions" in ran(home)


def test_a_hand_in_the_ledgers_of_dbt_has_everything_built(home: Path) -> None:
    sql(home, "delete from madang_ledger.ga4_built_days where model = 'base_ga4__events'")
    assert chosen(home) is None


def test_rows_that_come_after_an_erasure_have_everything_built(home: Path) -> None:
    """They may bury what rows of other tables are known by."""
    sql(
        home,
        """
        create table madang_ledger.erased_identifiers (
            erasure_id varchar, identifier_type varchar, identifier_value varchar,
            value_bits bigint, erased_at timestamp)""",
    )
    sql(home, "insert into madang_ledger.erased_identifiers values ('1', 'crm_id', 'x', 1, now())")
    assert chosen(home) is None
    ran(home)
    assert chosen(home) is not None
    sql(home, NEW_ORDER)
    assert chosen(home) is None


def test_where_dbt_ran_less_than_was_to_be_built_it_builds_everything(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = ["fqn:madang.marts.customers.customers"]
    monkeypatch.setattr(Graph, "selectors", lambda *_: fewer)
    assert {"base_ga4__events", "sessions", "customers"} <= ran(home)


def test_what_is_read_past_ref_and_source_is_always_built(home: Path) -> None:
    """Also of models that a company adds without a tag: what they compile to is looked at."""
    folder = home / "project/models/marts/customers"
    (home / "own.csv").write_text("n\n1\n", encoding="utf-8")
    staged = "{{ ref('stg_crm__customers') }}"
    own = {
        "own_files": f"select n from read_csv('{home}/own*.csv')",
        "own_query": "select {{ run_query('select 1').rows[0][0] if execute else 0 }} as n "
        f"from {staged}",
        "own_clock": f"select now() as seen_at from {staged}",
        "own_name": f"select 1 as n from {staged} cross join madang_reference.placeholder_ids",
        "own_nothing": "select 1 as n",
        "own_table": f"select 1 as n from {staged} as own -- now() in a comment is none",
        "own_increment": "{{ config(materialized='incremental') }} select 1 as n "
        f"from {staged}",
        "own_hidden": f"select {{{{ own_hidden() }}}} as n from {staged}",
        "own_as_of": f"select {{{{ as_of() }}}} as n from {staged}",
    }
    for name, text in own.items():
        (folder / f"{name}.sql").write_text(text, encoding="utf-8")
    (home / "project/macros/own_hidden.sql").write_text(
        "{% macro own_hidden() %}{% if execute %}{{ own_deeper() }}{% endif %}{% endmacro %}"
        "{% macro own_deeper() %}'{{ run_started_at }}'{% endmacro %}",
        encoding="utf-8",
    )
    settled = {"own_table", "own_nothing"}
    assert ran(home) >= own.keys()
    assert chosen(home) & own.keys() == own.keys() - settled
    ran(home)
    assert chosen(home) & own.keys() == own.keys() - settled, "also after a part of a build"


# warnings


def test_a_test_that_warned_is_run_again_with_what_it_looks_at(home: Path) -> None:
    (home / "project/tests/data/warns.sql").write_text(
        "{{ config(severity='warn') }} select * from {{ ref('stg_shop__orders') }} limit 1",
        encoding="utf-8",
    )
    assert build(load_settings(home)) == 3
    assert {"warns", "stg_shop__orders"} <= chosen(home)
    assert build(load_settings(home)) == 3, "told again"


def test_a_shard_that_lost_rows_is_no_whole_build(home: Path) -> None:
    shard = sorted((home / "ga4").glob("events_*.parquet"))[0]
    with duckdb.connect() as connection:
        half = f"select * from '{shard}' limit 10"
        connection.execute(f"copy ({half}) to '{shard}.new' (format parquet)")
    Path(f"{shard}.new").replace(shard)
    assert build(load_settings(home)) == 3
    assert chosen(home) is None
    assert build(load_settings(home)) == 0


# that nothing wrong is left out


def test_months_later_the_tables_are_those_of_a_build_of_everything(home: Path) -> None:
    warehouse, before = home / "warehouse.duckdb", home / "before.duckdb"
    shutil.copy2(warehouse, before)
    first = tables(home)
    set_clock(home, MONTHS_LATER)
    assert "device_owners" not in ran(home)
    ours = tables(home)
    assert len(ours) > 90
    assert "madang_marts.audience_candidates" in differing(first, ours)
    before.replace(warehouse)
    by_plain_dbt(home)
    assert differing(ours, tables(home)) == []
    ours = {name: rows for name, rows in ours.items() if not any(one in name for one in HISTORY)}
    assert differing(ours, from_nothing(home)) == []


def test_what_is_left_out_says_the_same_at_any_clock(home: Path) -> None:
    set_clock(home, A_MINUTE_LATER)
    found = seen(home)
    graph = found.graph
    # A log notes the clock of what it appends, and appends nothing where all is as it was.
    left = {
        key
        for key in graph.nodes.keys() - found.chosen
        if not (graph.has_tag(key, DAY) or graph.is_log(key))
    }
    texts = []
    for as_of in (AS_OF, MONTHS_LATER):
        set_clock(home, as_of)
        result = run_dbt(load_settings(home), ["compile"], target=home / "target" / "compare")
        texts.append({one.unique_id: one.compiled for one in result.nodes})
    assert texts[0].keys() == texts[1].keys() and len(left & texts[0].keys()) > 300
    assert [key for key in sorted(left) if texts[0].get(key) != texts[1].get(key)] == []
    changed = {key for key in texts[0] if texts[0][key] != texts[1][key]}
    told = {
        key
        for key in texts[0]
        if key in graph.nodes and (graph.has_tag(key, CLOCK) or graph.has_tag(key, DAY))
    }
    assert changed - {key for key in changed if graph.has_tag(key, UNTIL_HAPPENED)} == told
    assert "model.madang.person_stages" in told, "a comparison that finds nothing shows nothing"


def test_within_a_day_the_clock_s_text_of_what_hangs_on_the_day_stays(home: Path) -> None:
    graph = seen(home).graph
    of_day = [key.split(".")[2] for key in graph.nodes if graph.has_tag(key, DAY)]
    texts = []
    for as_of in (AS_OF, f"{AS_OF[:11]}23:59:59{AS_OF[19:]}"):
        set_clock(home, as_of)
        args = ["compile", "--select", *of_day, "--indirect-selection", "empty"]
        result = run_dbt(load_settings(home), args, target=home / "target" / "compare")
        texts.append({one.unique_id: one.compiled for one in result.nodes})
    assert texts[0] == texts[1] and len(texts[0]) == len(of_day) > 3


def test_a_build_that_ends_after_midnight_is_one_of_the_day_before(home: Path) -> None:
    began = seen(home)
    of_day = {key.split(".")[2] for key in began.graph.nodes if began.graph.has_tag(key, DAY)}
    assert of_day and not {"names_in_use", "conversion_changes"} & chosen(home)
    result = run_dbt(load_settings(home), ["build", *began.selection()], manifest=began.manifest)
    set_clock(home, "2026-11-02T00:05:00+09:00")
    assert remember(load_settings(home), began, result)
    assert of_day <= chosen(home)


def test_loads_and_builds_in_turn_are_one_build_of_all(home: Path) -> None:
    sql(home, NEW_ORDER)
    ran(home)
    inbox = home / "inbox" / "consent"
    inbox.mkdir(exist_ok=True)
    (person,) = sql(home, "select customer_no from madang_raw.crm_customers limit 1")[0]
    (inbox / "late.csv").write_text(
        "consent_id,customer_no,channel,purpose,status,occurred_at\n"
        f"LATE1,{person},email,marketing,withdrawn,2026-10-20T09:00:00+09:00\n"
        f"LATE2,{person},sms,marketing,granted,2026-12-24T09:00:00+09:00\n",
        encoding="utf-8",
    )
    load(load_settings(home))
    assert "activities" in ran(home)
    shutil.copytree(home / "to_come", home / "ga4", dirs_exist_ok=True)
    assert "base_ga4__events" in ran(home)
    set_clock(home, "2026-12-01T00:00:00+09:00")
    assert "activities" in ran(home), "it held what had not happened yet"
    set_clock(home, MONTHS_LATER)
    ran(home)
    assert "activities" not in ran(home)
    ours = tables(home, but=HISTORY)
    assert differing(ours, from_nothing(home)) == []


def test_the_command_says_what_it_left_alone(home: Path) -> None:
    """Twice, because variables of the environment are rules, and the tests' own may be others."""
    command("madang", "--config", home, "build")
    ended = command("madang", "--config", home, "build")
    assert ended.code == 0, ended.told
    assert re.search(
        r"nodes left as they are: nothing that they are made of has changed since 20", ended.out
    )
    longest = r"Longest: (\w+ [0-9.]+ s \([^)]+\)(, )?){5}\."
    assert re.search(longest, ended.out), "and why the slowest five were built at all"
    whole = command("madang", "--config", home, "build", "--all").out
    assert "left as they are" not in whole
    assert "all were built: everything was asked for." in whole
