"""What is asked right before sending is asked of BigQuery with the same words, and answers alike.

The tables are those that a small demo company built in DuckDB, brought to the local BigQuery: one
row says no since.
"""

import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")

from bigquery_company import reach
from demo_workspace import MARU, Company
from local_bigquery.project import copy_layers
from local_bigquery.server import serve
from madang.settings.workspace import Settings, load_settings
from madang.sync.now import RowsNow
from madang.sync.spec import find_spec, load_specs
from madang.warehouse import open_warehouse

#: A table by its name in what is compiled: its schema and itself.
NAMED = re.compile(r'"(madang_\w+)"\."(\w+)"')
#: The models whose rows are asked for, by sync.
SYNCS = {
    "braze_audiences": "sync_braze__users",
    "google_audiences": "sync_google__members",
    "meta_audiences": "sync_meta__members",
}
NO = """
    insert into madang_raw.consent_events by name
    select '2026-10-31T23:00:00+09:00' as occurred_at, 'withdrawn' as status, 'email' as channel,
        'marketing' as purpose, '{}' as customer_no, 'later' as _sha256, 1 as _row,
        timestamp '2026-11-01 02:00:00' as _loaded_at"""


def queries(settings: Settings) -> list[str]:
    """The query of each sync's rows as they are now, compiled as a run of all of them does."""
    specs = [find_spec(load_specs(settings.project_dir), name) for name in SYNCS]
    asker = RowsNow(specs)
    return [asker(settings, spec) for spec in specs]


@pytest.fixture(scope="module")
def tables(small_company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A DuckDB file with the raw layer and what is read as it was built; somebody said no since."""
    root = tmp_path_factory.mktemp("asked") / "company"
    shutil.copytree(small_company.root, root, ignore=shutil.ignore_patterns("target", "site"))
    path = root / "madang.yml"
    own = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(own | {"project": str(MARU)}), encoding="utf-8")
    settings = load_settings(root)
    read = defaultdict(set)
    for sql in queries(settings):
        for layer, table in NAMED.findall(sql):
            read[layer].add(table)
    path = root / "tables.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"attach '{root / 'warehouse.duckdb'}' as warehouse (read_only)")
        raw = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'madang_raw'"
        ).fetchall()
        read["madang_raw"] = {name for (name,) in raw}
        for layer, names in read.items():
            connection.execute(f"create schema {layer}")
            for name in sorted(names):
                kept = connection.execute(
                    "select string_agg(column_name, ', ' order by column_index) "
                    "from duckdb_columns() where database_name = 'warehouse' and schema_name = ? "
                    "and table_name = ? and data_type <> 'HUGEINT'",  # orders within a moment
                    [layer, name],
                ).fetchone()[0]
                connection.execute(
                    f"create table {layer}.{name} as select {kept} from warehouse.{layer}.{name}"
                )
        (who,) = connection.execute(
            "select min(sync_key) from warehouse.madang_activation.sync_braze__users "
            "where held_back_reason is null and channel = 'email'"
        ).fetchone()
        connection.execute(NO.format(who))
    yield path


def test_both_warehouses_answer_alike(
    small_company: Company, tables: Path, tmp_path: Path, measured
) -> None:
    columns = "sync_key, field, value, held_back_reason"
    with duckdb.connect(str(tables.with_name("warehouse.duckdb")), read_only=True) as connection:
        built, *lists = (
            set(connection.execute(f"select {columns} from madang_activation.{model}").fetchall())
            for model in SYNCS.values()
        )
    with duckdb.connect(str(tables), read_only=True) as connection:
        layers = connection.execute(
            "select schema_name from duckdb_schemas() where starts_with(schema_name, 'madang_')"
        ).fetchall()
    with serve("test-project", "asia-northeast3") as server:
        copy_layers(server, tables, *(name for (name,) in layers))
        config = yaml.safe_load((small_company.root / "madang.yml").read_text(encoding="utf-8"))
        config["warehouse"] = reach(server)
        (tmp_path / "madang.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        settings = load_settings(tmp_path)
        asked = queries(settings)
        with open_warehouse(settings) as warehouse:
            rows, *members = (
                {tuple(row.values()) for row in warehouse.fetch(one)} for one in asked
            )
    assert all(lists) and members == lists, "a no to e-mail changes no list"
    gone, come = built - rows, rows - built
    assert {row[3] for row in gone} == {None}
    assert {row[3] for row in come} == {"withdrawn"}
    assert {row[:3] for row in gone} == {row[:3] for row in come}
    assert {row[1].rpartition("_")[2] for row in gone} == {"email"}
    assert len({row[0] for row in gone}) == 1
    measured(
        f"asked at sending on BigQuery: {len(rows):,} rows, "
        f"a statement of {len(asked[0]):,} letters"
    )
