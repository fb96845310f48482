"""On BigQuery too a build leaves alone what cannot have changed, by what its tables' list says."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bigquery_company import Company, built_on_bigquery
from demo_workspace import AS_OF, as_a_user
from local_bigquery.project import copy_shards
from madang.build.dbt import run_dbt
from madang.build.unchanged import look
from madang.settings.workspace import load_settings

CLOCK = AS_OF[11:]  # its hour, as YAML writes it


@pytest.fixture(scope="module")
def built(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with built_on_bigquery(shared, tmp_path_factory.mktemp("unchanged") / "company") as made:
        # the first build added columns to tables that the loader made, which are newer than it
        assert made.madang("build").code == 0
        yield made


def chosen(company: Company) -> set[str] | None:
    """What the next command would build."""
    with as_a_user():
        found = look(load_settings(company.root)).chosen
    return None if found is None else {name.split(".")[2] for name in found}


def test_a_second_build_runs_only_what_hangs_on_the_clock(built: Company) -> None:
    assert not chosen(built) & {"funnel_entries", "person_stages"}, "the clock stands still"
    config = (built.root / "madang.yml").read_text(encoding="utf-8")
    assert CLOCK in config
    later = config.replace(CLOCK, CLOCK.replace("12:00", "12:01"))
    (built.root / "madang.yml").write_text(later, encoding="utf-8")
    found = chosen(built)
    assert {"audience_permits", "funnel_entries", "person_stages"} <= found
    assert not found & {"base_ga4__events", "stg_crm__customers", "sessions", "activities"}
    ran = built.madang("build")
    assert ran.code == 0, ran.out
    assert "nodes left as they are" in ran.out
    (built.root / "madang.yml").write_text(config, encoding="utf-8")
    assert chosen(built) == found


def test_what_came_is_noticed(built: Company, tmp_path: Path) -> None:
    inbox = built.root / "inbox" / "notices"
    inbox.mkdir(parents=True, exist_ok=True)
    (inbox / "late.csv").write_text(
        "notice_id,body,sent_at\nLATE,x,2026-01-01T00:00:00+09:00\n", encoding="utf-8"
    )
    assert "stg_notices__versions" not in chosen(built)
    assert built.madang("load").code in (0, 3)
    found = chosen(built)
    assert "stg_notices__versions" in found
    assert "base_ga4__events" not in found
    shard = sorted((built.root / "ga4").glob("events_*"))[-1]
    shutil.copy(shard, tmp_path / shard.name)
    copy_shards(built.server, tmp_path)
    assert "base_ga4__shards" in chosen(built)


def test_every_run_of_dbt_takes_the_note_away(built: Company) -> None:
    assert chosen(built) is not None
    run_dbt(load_settings(built.root), ["run", "-s", "stg_notices__versions"])
    assert chosen(built) is None
