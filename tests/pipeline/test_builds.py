"""The ledger of builds: what began, what ended, by which clock; and plain dbt takes that clock."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import yaml
from dbt.cli.main import dbtRunner

from demo_workspace import REPOSITORY
from madang.build.builds import another_clock, builds_of
from madang.build.dbt import BuildError, _release_warehouse, run_dbt
from madang.build.dbt_environment import surroundings
from madang.settings.workspace import Settings, load_settings
from madang.warehouse import labels, open_warehouse

PINNED = "2026-11-01T12:00:00+09:00"
MACROS = (
    "builds.sql",
    "tests/last_built_days.sql",
    "create_missing_sources.sql",
    "job_labels.sql",
    "built_models.sql",
    "table_when_changed.sql",
    "dialect",
)
PROJECT = {
    "name": "madang",
    "profile": "madang",
    "vars": {"timezone": "Asia/Seoul", "currency": "KRW", "as_of": None},
    "on-run-start": ["{{ create_missing_sources() }}", "{{ begin_build() }}"],
    "on-run-end": ["{{ end_build(results) }}"],
    "models": {"madang": {"+schema": "marts", "+materialized": "table"}},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project with the ledger of builds; its one table holds the run's clock."""
    root = tmp_path_factory.mktemp("builds")
    for name in MACROS:
        copy = shutil.copytree if (REPOSITORY / "macros" / name).is_dir() else shutil.copy
        (root / "macros").mkdir(exist_ok=True)
        copy(REPOSITORY / "macros" / name, root / "macros" / Path(name).name)
    shutil.copy(REPOSITORY / "profiles.yml.example", root)
    (root / "dbt_project.yml").write_text(yaml.safe_dump(PROJECT))
    (root / "models").mkdir()
    shutil.copy(REPOSITORY / "models/staging/builds/_builds__sources.yml", root / "models")
    (root / "models" / "clock.sql").write_text("select {{ as_of() }} as clock\n")
    (root / "models" / "other.sql").write_text("select 1 as one\n")
    return root


@pytest.fixture(autouse=True)
def by_madang() -> None:
    labels.mark(command="build")


def settings_of(root: Path, as_of: str | None) -> Settings:
    text = "version: 1\n" + (f"as_of: {as_of}\n" if as_of else "")
    (root / "madang.yml").write_text(text)
    return load_settings(root)


def plain_dbt(settings: Settings, *args: str) -> bool:
    """Run dbt as somebody who knows nothing of madang.yml but where the warehouse is."""
    with surroundings(settings, {}), pytest.MonkeyPatch.context() as patch:
        patch.delenv("MADANG_JOB_LABELS")
        common = [
            "--project-dir",
            settings.root,
            "--profiles-dir",
            settings.root / "target/profiles",
        ]
        common += ["--target-path", settings.root / "plain", "--log-path", settings.root / "plain"]
        done = dbtRunner().invoke([*args, *map(str, common), "-q"])
    _release_warehouse()
    return done.success


def clock(root: Path) -> datetime:
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as warehouse:
        return warehouse.execute("select clock from madang_marts.clock").fetchone()[0]


def builds(settings: Settings):
    with open_warehouse(settings, read_only=True) as warehouse:
        return builds_of(warehouse)


def told(settings: Settings) -> str | None:
    with open_warehouse(settings, read_only=True) as warehouse:
        return another_clock(settings, warehouse)


def test_plain_dbt_takes_the_clock_that_madang_yml_pins(root: Path) -> None:
    settings = settings_of(root, PINNED)
    run_dbt(settings, ["build"])
    assert plain_dbt(settings, "run")
    assert clock(root) == datetime(2026, 11, 1, 3)
    last = builds(settings).last
    assert (last.command, last.is_pinned, last.state) == ("dbt run", True, "good")
    assert last.as_of == datetime(2026, 11, 1, 3, tzinfo=UTC)
    assert told(settings) is None


def test_plain_dbt_with_a_clock_of_its_own_is_told(root: Path) -> None:
    settings = settings_of(root, PINNED)
    run_dbt(settings, ["build"])
    assert plain_dbt(settings, "run", "--vars", "{as_of: '2026-12-24T00:00:00+00:00'}")
    assert clock(root) == datetime(2026, 12, 24)
    assert told(settings) == (
        "The tables were built by the clock 2026-12-24 09:00 (Asia/Seoul) (dbt run); "
        "madang.yml pins it to 2026-11-01 12:00 (Asia/Seoul)."
    )


def test_a_clock_that_is_no_longer_pinned_is_told_until_the_next_build(root: Path) -> None:
    run_dbt(settings_of(root, PINNED), ["build"])
    settings = settings_of(root, None)
    assert told(settings) == (
        "The tables were built by a clock pinned to 2026-11-01 12:00 (Asia/Seoul); "
        "madang.yml pins none."
    )
    run_dbt(settings, ["build"])
    assert told(settings) is None
    assert plain_dbt(settings, "run")
    assert clock(root) > datetime(2026, 11, 2)
    assert told(settings) is None


def test_a_build_that_fails_and_one_of_a_part_are_no_good_whole_ones(root: Path) -> None:
    settings = settings_of(root, PINNED)
    run_dbt(settings, ["build"])
    good = builds(settings).last_good
    (root / "models" / "other.sql").write_text("select no_such_column\n")
    try:
        with pytest.raises(BuildError):
            run_dbt(settings, ["build"])
    finally:
        (root / "models" / "other.sql").write_text("select 1 as one\n")
    run_dbt(settings, ["build", "--select", "other"])
    found = builds(settings)
    assert (found.last.state, found.last.is_part) == ("good", True)
    assert (found.last_whole.state, found.last_whole.failed) == ("failed", 1)
    assert found.last_good == good


def test_a_clock_of_the_machine_that_was_set_back_changes_no_order(root: Path) -> None:
    settings = settings_of(root, PINNED)
    run_dbt(settings, ["build"])
    with duckdb.connect(str(root / "warehouse.duckdb")) as warehouse:
        warehouse.execute("update madang_ledger.builds set started_at = '2030-01-01'")
    run_dbt(settings, ["build"])
    assert builds(settings).last.started_at.year < 2030
