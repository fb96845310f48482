"""Days that arrive late, twice, restated or not at all: an incremental build equals a full one.

One company is looked at twice. At the first look a week is missing, the running day is an intraday
shard, and late events are still on their way; at the second look everything is there. The warehouse
that grew must hold what a new one holds, table by table and row by row.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from demo_workspace import (
    MARU,
    WITHOUT_TESTS,
    tables_of,
)
from madang.build.dbt import BuildError, DbtResult, run_dbt
from madang.demo import generate
from madang.ingest import load as load_files
from madang.settings.workspace import load_settings
from madang.warehouse import open_warehouse

EARLIER = datetime.fromisoformat("2026-10-29T15:00:00+09:00")
SKIPPED = [f"events_202610{day}.parquet" for day in range(12, 19)]
LAYERS = ("private", "staging", "identity", "activity", "marts", "activation")
#: When and from which file a row was loaded: two warehouses have two histories.
PROVENANCE = ("loaded_at", "_loaded_at", "file_sha256", "sha256", "file_row")
PROVENANCE += ("version_key", "known_from", "known_to", "last_loaded_at", "files", "loaded_rows")
PROVENANCE += ("crm_as_of",)
#: They keep every row of every file.
REPORTS = "base_ads__"
STAGED = ("base_ga4__shards", "base_ga4__events", "stg_ga4__events", "ga4_partitions")
Shards = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Grown:
    """What the incremental build had to do, and what it and the next one read."""

    root: Path
    fresh: Path
    before: Shards
    after: Shards
    read_then: set[str]
    read_again: set[str]


def shards_of(folder: Path) -> Shards:
    """The shard each day is read from, with its size and the second of its last change."""
    found: Shards = {}
    for path in sorted(folder.glob("events_*.parquet"), key=lambda path: "intraday" in path.name):
        if not any(name[-16:] == path.name[-16:] for name in found):
            found[path.name] = (path.stat().st_size, int(path.stat().st_mtime))
    return found


def read_by(root: Path) -> set[str]:
    """The shards that the last build of the events named in its SQL."""
    path = root / "target/compiled/madang/models/staging/ga4/base_ga4__events.sql"
    return set(re.findall(r"events_\w+\.parquet(?=')", path.read_text(encoding="utf-8")))


def load(root: Path) -> None:
    """Load the inbox; rows that cannot be read are left out."""
    with open_warehouse(load_settings(root)) as warehouse:
        assert load_files(load_settings(root), warehouse).exit_code in (0, 3)


def models_of(root: Path, *selected: str) -> DbtResult:
    """Build models without their tests."""
    select = ["--select", *selected] if selected else []
    return run_dbt(load_settings(root), ["build", *WITHOUT_TESTS, *select])


def build_at_once(root: Path, fresh: Path) -> None:
    """Build a new warehouse from the files of another one's workspace."""
    fresh.mkdir()
    text = (root / "madang.yml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^project: .*$", f"project: {MARU}", text)
    text += f"paths: {{ga4: ../{root.name}/ga4, inbox: ../{root.name}/inbox}}\n"
    (fresh / "madang.yml").write_text(text, encoding="utf-8")
    load(fresh)
    models_of(fresh)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    folder = tmp_path_factory.mktemp("increments")
    root, fresh = folder / "grown", folder / "fresh"
    generate(root, people=600, days=30, until=EARLIER)
    for name in SKIPPED:
        shutil.move(root / "ga4" / name, folder / name)
    load(root)
    models_of(root)
    before = shards_of(root / "ga4")

    generate(root, people=600, days=30)
    for name in SKIPPED:
        shutil.copy2(folder / name, root / "ga4" / name)
    load(root)
    models_of(root)
    read_then = read_by(root)
    models_of(root, *STAGED)
    read_again = read_by(root)

    build_at_once(root, fresh)
    return Grown(root, fresh, before, shards_of(root / "ga4"), read_then, read_again)


def different_rows(one: Path, other: Path, layers: tuple[str, ...] = LAYERS) -> dict[str, tuple]:
    """Tables whose rows are not the same: rows only in the one, only in the other, columns."""
    with duckdb.connect() as connection:
        for name, root in (("one", one), ("other", other)):
            connection.execute(f"attach '{root / 'warehouse.duckdb'}' as {name} (read_only)")

        def columns(database: str) -> dict[tuple[str, str], list[str]]:
            listed = connection.execute(
                """
                select schema_name, table_name, list(column_name order by column_index)
                from duckdb_columns()
                where database_name = ? and list_contains(?, schema_name)
                    and (schema_name, table_name) in (
                        select (schema_name, table_name) from duckdb_tables())
                group by all""",
                [database, [f"madang_{layer}" for layer in layers]],
            )
            return {(schema, table): names for schema, table, names in listed.fetchall()}

        ours, theirs = columns("one"), columns("other")
        assert ours.keys() == theirs.keys()
        assert {schema for schema, _ in ours} == {f"madang_{layer}" for layer in layers}
        different = {}
        for (schema, table), names in ours.items():
            if table.startswith(REPORTS):
                continue
            assert sorted(names) == sorted(theirs[schema, table])
            compared = ", ".join(f'"{name}"' for name in names if name not in PROVENANCE)
            rows = [
                f"select {compared} from {database}.{schema}.{table}"
                for database in ("one", "other")
            ]
            (counts,) = connection.execute(f"""
                select (select count(*) from ({rows[0]} except all {rows[1]})),
                    (select count(*) from ({rows[1]} except all {rows[0]})),
                    (select count(*) from ({rows[1]}))
            """).fetchall()
            if counts[0] or counts[1]:
                different[f"{schema}.{table}"] = counts
        return different


def test_the_two_looks_differ_in_every_way_that_matters(grown: Grown):
    before, after = grown.before, grown.after
    assert not before.keys() & set(SKIPPED)
    assert set(SKIPPED) <= after.keys()
    assert "events_intraday_20261029.parquet" in before
    assert "events_20261029.parquet" in after
    assert {"events_20261030.parquet", "events_20261031.parquet"} <= after.keys() - before.keys()
    assert "events_intraday_20261101.parquet" in after
    restated = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    assert restated, "no day was restated"
    assert len(before.keys() & after.keys()) - len(restated) > 15, "days that stay are missing"


def test_an_incremental_build_equals_a_full_one(grown: Grown):
    assert different_rows(grown.root, grown.fresh) == {}


def test_only_what_changed_is_read(grown: Grown):
    changed = {name for name, seen in grown.after.items() if grown.before.get(name) != seen}
    assert grown.read_then == changed
    assert read_by(grown.fresh) == grown.after.keys()


def test_a_build_with_nothing_new_reads_no_shard(grown: Grown):
    assert grown.read_again == set()


def test_the_ledger_tells_every_day_its_shard_and_whether_it_can_still_change(grown: Grown):
    with tables_of(grown.root) as tables:
        ledger = tables.rows("""
            select suffix, shard_kind, is_final from madang_staging.ga4_partitions order by 1""")
    assert {f"events_{suffix}.parquet" for suffix, _, _ in ledger} == grown.after.keys()
    # as of noon on 1 November in Seoul, 72 hours ago it was noon on 29 October
    may_change = [suffix for suffix, _, is_final in ledger if not is_final]
    assert may_change == ["20261029", "20261030", "20261031", "intraday_20261101"]


@pytest.fixture
def copied(grown: Grown, tmp_path: Path) -> Callable[[str], Path]:
    """Copies of the grown workspace that share dbt's files, for a test that changes it."""

    def copy(name: str) -> Path:
        root = grown.root.parent / f"{name}-{tmp_path.name}"
        shutil.copytree(grown.root, root)
        return root

    return copy


def test_a_day_restated_with_fewer_events_loses_them(copied: Callable[[str], Path]):
    """GA4 deletes a user's events on request; the day's shard is written anew."""
    root = copied("fewer")
    path = root / "ga4" / "events_20261020.parquet"
    draft = path.with_suffix(".draft")
    with duckdb.connect() as connection:
        erased = connection.execute(f"""
            select user_pseudo_id from '{path}' where user_pseudo_id is not null
            group by 1 order by count(*) desc limit 1""").fetchall()[0][0]
        connection.execute(f"""
            copy (select * from '{path}' where user_pseudo_id is distinct from '{erased}')
            to '{draft}' (format parquet)""")
    draft.replace(path)
    day = f"""
        select count(*), count(*) filter (user_pseudo_id = '{erased}')
        from madang_staging.stg_ga4__events where event_date = date '2026-10-20'"""
    with tables_of(root) as tables:
        ((events_before, theirs),) = tables.rows(day)
    models_of(root, *STAGED)
    assert read_by(root) >= {path.name}
    with tables_of(root) as tables:
        assert tables.rows(day) == [(events_before - theirs, 0)]
    assert theirs > 0


def test_days_that_lose_whole_kinds_of_events_lose_them_everywhere(copied: Callable[[str], Path]):
    """The first run only gets as far as the events; the next one does what is left."""
    root = copied("restated")
    purchases = "event_name <> 'purchase'"
    for day, kept in (
        ("20261021", purchases),
        ("20261022", "user_id is null"),
        ("20261023", "false"),
    ):
        path = root / "ga4" / f"events_{day}.parquet"
        draft = path.with_suffix(".draft")
        duckdb.execute(f"copy (select * from '{path}' where {kept}) to '{draft}' (format parquet)")
        draft.replace(path)
    models_of(root, *STAGED)
    models_of(root)
    at_once = root.with_name(f"{root.name}-at-once")
    build_at_once(root, at_once)
    assert different_rows(root, at_once) == {}
    with tables_of(root) as tables:
        for table, day in (
            ("ga4_purchases", "21"),
            ("ga4_logins", "22"),
            ("ga4_session_days", "23"),
        ):
            where = f"from madang_staging.{table} where event_date = '2026-10-{day}'"
            assert tables.value(f"select count(*) {where}") == 0


def test_a_run_with_nothing_new_does_no_work(copied: Callable[[str], Path]):
    root = copied("idle")
    (root / "ga4" / "events_20261003.parquet").touch()
    after_a_change = models_of(root, "+activities")
    assert "UNCHANGED" not in {
        node.message for node in after_a_change.nodes if "session" in node.name
    }
    nodes = [node for node in models_of(root, "+activities").nodes if node.kind == "model"]
    with_work = {node.name for node in nodes if node.message != "UNCHANGED"}
    by_day = {"actions", "ga4_logins", "ga4_purchases", "ga4_session_days", "base_ga4__events"}
    by_day |= {"stg_ga4__items", "ga4_purchase_items"}
    views = {"stg_builds__days", "stg_ga4__events"}
    assert with_work - by_day - views == {"base_ga4__shards"}
    days = root / "target/compiled/madang/models"
    for path in days.rglob("ga4_session_days.sql"):
        assert "event_date in (date '0001-01-01')" in path.read_text(encoding="utf-8")


def test_a_shard_that_goes_away_keeps_its_events(copied: Callable[[str], Path]):
    """Exports expire (60 days in BigQuery's sandbox); what was loaded is not lost with them."""
    root = copied("expired")
    (root / "ga4" / "events_20261003.parquet").unlink()
    day = "select count(*) from madang_staging.stg_ga4__events where event_date = '2026-10-03'"
    with tables_of(root) as tables:
        before = tables.value(day)
    models_of(root, *STAGED)
    with tables_of(root) as tables:
        assert tables.value(day) == before > 0
    with pytest.raises(
        BuildError, match=r"no longer holds 1 of the days .*2026-10-03 to 2026-10-03"
    ):
        models_of(root, *STAGED, "--full-refresh")
    again = {"reprocess_start_date": "2000-01-01", "reprocess_end_date": "2100-01-01"}
    run_dbt(load_settings(root), ["run", "--select", "+stg_ga4__items"], variables=again)
    items = "select count(*) from madang_staging.stg_ga4__items where event_date = '2026-10-03'"
    with tables_of(root) as tables:
        assert tables.value(day) == before
        assert tables.value(items) > 0
    run_dbt(
        load_settings(root),
        ["run", "--select", *STAGED, "--full-refresh"],
        variables={"lose_gone_days": True},
    )
    with tables_of(root) as tables:
        assert tables.value(day) == 0
