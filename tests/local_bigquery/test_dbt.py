"""The unmodified dbt command line on the local server: what dbt-bigquery does with days."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

pytest.importorskip("dbt.adapters.bigquery", reason="the extra 'bigquery' is not installed")

from local_bigquery.server import Server, serve

# A table of which whole days are put in the place of what was there, by copy jobs.
DAYS = """
{{ config(
    materialized='incremental',
    incremental_strategy='insert_overwrite',
    partition_by={'field': 'day', 'data_type': 'date', 'copy_partitions': true},
    partitions=var('days') if var('static') else none,
    require_partition_filter=true,
    cluster_by=['name', 'n'],
    labels={'team': 'web'},
) }}
select cast(day as date) as day, name, n
from unnest([
    {%- for day in var('rows') %}
    struct('{{ day[0] }}' as day, '{{ day[1] }}' as name, {{ day[2] }} as n)
    {{- ',' if not loop.last }}
    {%- endfor %}
])
"""
TOTALS = """
select day, sum(n) as n
from {{ ref('days') }}
where day >= '2026-10-01'
group by day
"""
UNBOUND = "{{ config(materialized='table') }} select count(*) as n from {{ ref('days') }}"
DESCRIBED = {
    "version": 2,
    "models": [
        {
            "name": "days",
            "description": "One row per day and name.",
            "columns": [{"name": "n", "description": "How many."}],
        }
    ],
}
FIRST = [["2026-10-30", "a", 1], ["2026-10-31", "a", 2], ["2026-10-31", "b", 3]]


class Project:
    """A dbt project of three models in a folder, and a server."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder, self.server = folder, server
        models = folder / "models"
        models.mkdir()
        (models / "days.sql").write_text(DAYS)
        (models / "totals.sql").write_text(TOTALS)
        (models / "unbound.sql").write_text(UNBOUND)
        (models / "models.yml").write_text(yaml.safe_dump(DESCRIBED))
        (folder / "dbt_project.yml").write_text(
            yaml.safe_dump({"name": "small", "version": "1.0.0", "profile": "small"})
        )
        output = {
            "type": "bigquery",
            "method": "oauth-secrets",
            "token": "none",
            "project": "test-project",
            "dataset": "small",
            "location": "US",
            "threads": 1,
            "api_endpoint": server.url,
            "job_retries": 0,
        }
        profile = {"small": {"target": "local", "outputs": {"local": output}}}
        (folder / "profiles.yml").write_text(yaml.safe_dump(profile))

    def dbt(self, *command: str, rows: list[list[object]], static: bool = True) -> str:
        days = [f"'{day}'" for day in sorted({str(row[0]) for row in rows})]
        told = {"rows": rows, "days": days, "static": static}
        dbt = str(Path(sys.executable).parent / "dbt")
        options = ["--no-use-colors", "--no-version-check", "--vars", json.dumps(told)]
        ran = subprocess.run(
            [dbt, *command, *options],
            cwd=self.folder,
            env={
                **os.environ,
                "DBT_PROFILES_DIR": str(self.folder),
                "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return ran.stdout

    def rows(self) -> list[tuple[str, str, int]]:
        table = self.server.catalog.tables["test-project.small.days"]
        places = [table.position(name) for name in ("name", "n", "day")]
        found = []
        for row in table.rows.table_data.row:
            name, n, day = (row.cell[place] for place in places)
            found.append((day.date_value, name.string_value, n.int64_value))
        first = min(day for day, _, _ in found)
        return sorted((30 + day - first, name, n) for day, name, n in found)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with serve() as server:
        yield Project(tmp_path_factory.mktemp("small"), server)


def test_days_are_overwritten_by_copies_and_others_stay(project: Project) -> None:
    told = project.dbt("run", "--select", "days totals", rows=FIRST)
    assert "PASS=2" in told, told
    assert project.rows() == [(30, "a", 1), (31, "a", 2), (31, "b", 3)]
    again = [["2026-10-31", "c", 9], ["2026-11-01", "d", 4]]
    told = project.dbt("run", "--select", "days totals", rows=again)
    assert "PASS=2" in told, told
    assert project.rows() == [(30, "a", 1), (31, "c", 9), (32, "d", 4)]
    copies = [
        job.resource["configuration"]["copy"]
        for job in project.server.jobs.known.values()
        if "copy" in job.resource["configuration"]
    ]
    assert [one["destinationTable"]["tableId"] for one in copies] == [
        "days$20261031",
        "days$20261101",
    ]
    assert {one["writeDisposition"] for one in copies} == {"WRITE_TRUNCATE"}
    told = project.dbt("run", "--select", "days", rows=[["2026-10-30", "e", 5]], static=False)
    assert "PASS=1" in told, told
    assert project.rows() == [(30, "e", 5), (31, "c", 9), (32, "d", 4)]


def test_what_the_model_says_of_its_days_holds(project: Project) -> None:
    """It does after the runs above too: copies keep how the table is cut and guarded."""
    table = project.server.catalog.tables["test-project.small.days"]
    assert table.properties["timePartitioning"]["field"] == "day"
    assert table.properties["clustering"] == {"fields": ["name", "n"]}
    assert table.properties["requirePartitionFilter"] is True
    assert table.properties["labels"]["team"] == "web"
    told = project.dbt("run", "--select", "unbound", rows=FIRST)
    assert "ERROR=1" in told
    assert "without a filter over column(s) 'day'" in told


def test_docs_tell_every_column(project: Project) -> None:
    told = project.dbt("docs", "generate", rows=FIRST)
    assert "Catalog written" in told, told
    catalog = json.loads((project.folder / "target" / "catalog.json").read_text())
    columns = catalog["nodes"]["model.small.days"]["columns"]
    assert {name: one["type"] for name, one in columns.items()} == {
        "day": "DATE",
        "name": "STRING",
        "n": "INT64",
    }
    stats = catalog["nodes"]["model.small.days"]["stats"]
    assert stats["clustering_fields"]["value"] == "name, n"
    assert not catalog["errors"]
