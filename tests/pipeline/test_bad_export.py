"""GA4 exports and rules that are wrong: what is told, what still works, nothing is spoilt."""

import shutil
import struct
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from demo_workspace import Company, copied_project, emptied, tables_of
from madang.build.dbt import BuildError, run_dbt
from madang.cli import app
from madang.settings.workspace import load_settings

DAYS = ("20261029", "20261030", "20261031")
STAGED = ("build", "--select", "+stg_ga4__events", "--select", "ga4_partitions")


@pytest.fixture
def workspace(scratch: Path, company: Company) -> Path:
    """A workspace with three days of a good export, and no warehouse yet."""
    root = emptied(scratch)
    (root / "ga4").mkdir()
    for day in DAYS:
        shutil.copy2(company.root / "ga4" / f"events_{day}.parquet", root / "ga4")
    return root


def madang(root: Path, *args: str) -> tuple[int, str, str]:
    """Run a command in this process; give exit code, output and errors."""
    result = CliRunner().invoke(app, ["--config", str(root), *args])
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout, result.stderr


def shard(root: Path, day: str) -> Path:
    return root / "ga4" / f"events_{day}.parquet"


def days_of(root: Path) -> dict[str, int]:
    """Events by day, as staged."""
    with tables_of(root) as tables:
        counted = tables.rows("""
            select strftime(event_date, '%Y%m%d'), count(*)
            from madang_staging.stg_ga4__events group by 1""")
    return dict(counted)


def damaged_within(path: Path) -> bytes:
    """The file with every page spoilt and its end, where Parquet keeps the list of pages, whole."""
    data = bytearray(path.read_bytes())
    (size,) = struct.unpack("<I", data[-8:-4])
    for place in range(1000, len(data) - size - 8, 50):
        data[place] ^= 0xFF
    return bytes(data)


# nothing there


def test_without_a_folder_everything_of_ga4_is_built_empty(workspace: Path):
    shutil.rmtree(workspace / "ga4")
    code, out, error = madang(workspace, *STAGED)
    assert (code, error) == (0, "")
    assert f"without a GA4 export: the folder {workspace / 'ga4'} does not exist" in out


def test_an_empty_folder_is_no_export_either(workspace: Path):
    for day in DAYS:
        shard(workspace, day).rename(workspace / "ga4" / f"{day}.parquet")
    code, out, _ = madang(workspace, *STAGED)
    assert code == 0
    assert "without a GA4 export: no events_YYYYMMDD.parquet or events_YYYYMMDD.json.gz in" in out


# other columns

OTHER = {
    "20261024": (
        "select 1 as visits, 'home' as page",
        "no column event_date, event_timestamp, event_name, event_params, user_pseudo_id",
    ),
    "20261025": (
        "select * exclude (user_pseudo_id) from '{good}'",
        "no column user_pseudo_id",
    ),
    "20261026": (
        "select * replace (event_params::varchar as event_params) from '{good}'",
        "event_params is not a list of structures",
    ),
    "20261027": (
        "select * replace (event_timestamp::varchar as event_timestamp) from '{good}'",
        "event_timestamp is not a whole number",
    ),
}


def test_shards_of_another_kind_are_left_out_and_the_other_days_load(
    workspace: Path, company: Company
):
    for day, (query, _) in OTHER.items():
        text = query.format(good=shard(company.root, day))
        duckdb.sql(f"copy ({text}) to '{shard(workspace, day)}'")
    code, out, error = madang(workspace, *STAGED)
    assert code == 3, error
    told = [line.strip() for line in out.splitlines() if "left out: " in line]
    assert told == [
        f"left out: events_{day}.parquet (2026-10-{day[-2:]}): not a GA4 export: {problem}"
        for day, (_, problem) in OTHER.items()
    ]
    assert days_of(workspace).keys() == set(DAYS)

    for day in OTHER:
        shutil.copy2(shard(company.root, day), shard(workspace, day))
    assert madang(workspace, *STAGED)[0] == 0
    assert days_of(workspace).keys() == {*DAYS, *OTHER}


def test_an_older_export_without_the_newer_columns_loads(workspace: Path):
    """Columns that came to the export over the years are null where a shard lacks them."""
    newer = "session_traffic_source_last_click, collected_traffic_source, batch_event_index"
    path = shard(workspace, "20261030")
    old = path.with_name("old")
    duckdb.sql(f"copy (select * exclude ({newer}) from '{path}') to '{old}' (format parquet)")
    old.replace(path)
    assert madang(workspace, *STAGED)[0] == 0
    with tables_of(workspace) as tables:
        filled = tables.rows("""
            select strftime(event_date, '%Y%m%d'), count(last_click_source) > 0, count(*) > 500
            from madang_staging.stg_ga4__events group by 1 order by 1""")
    assert filled == [(DAYS[0], True, True), (DAYS[1], False, True), (DAYS[2], True, True)]


def test_a_bad_daily_shard_does_not_hide_the_intraday_one(workspace: Path):
    path = shard(workspace, "20261030")
    path.rename(path.with_name("events_intraday_20261030.parquet"))
    duckdb.sql(f"copy (select 1 as visits) to '{path}'")
    assert madang(workspace, *STAGED)[0] == 3
    assert days_of(workspace).keys() == set(DAYS)


# broken files


def left_out(out: str) -> dict[str, str]:
    """What a build says that it left out: the problem by file and day."""
    lines = [line.strip() for line in out.splitlines() if "left out: " in line]
    return dict(line.removeprefix("left out: ").split(": ", 1) for line in lines)


def test_broken_files_are_named_and_the_other_days_load(workspace: Path):
    shard(workspace, "20261029").write_bytes(b"")
    path = shard(workspace, "20261030")
    path.write_bytes(path.read_bytes()[:30_000])
    code, out, error = madang(workspace, *STAGED)
    assert code == 3, error
    assert left_out(out) == {
        "events_20261029.parquet (2026-10-29)": "the file is empty",
        "events_20261030.parquet (2026-10-30)": "the file is cut off, or no Parquet file",
    }
    assert days_of(workspace).keys() == {"20261031"}


def test_plain_dbt_leaves_a_broken_file_out_too(workspace: Path):
    path = shard(workspace, "20261030")
    path.write_bytes(path.read_bytes()[:30_000])
    result = run_dbt(load_settings(workspace), list(STAGED))
    assert [node.name for node in result.warned] == ["ga4_shards_can_be_read"]
    assert days_of(workspace).keys() == {"20261029", "20261031"}


def test_a_broken_part_breaks_its_shard(workspace: Path):
    path = shard(workspace, "20261030")
    for part in (0, 1):
        half = path.with_name(f"events_20261030-00000000000{part}.parquet")
        duckdb.sql(f"copy (from '{path}' where event_timestamp % 2 = {part}) to '{half}'")
    path.unlink()
    half.write_bytes(half.read_bytes()[:20_000])
    code, out, error = madang(workspace, *STAGED)
    assert code == 3, error
    (told,) = left_out(out).items()
    assert told == (
        "events_20261030-000000000000.parquet and 1 more (2026-10-30)",
        "events_20261030-000000000001.parquet: the file is cut off, or no Parquet file",
    )
    assert days_of(workspace).keys() == {"20261029", "20261031"}


def test_a_file_that_is_broken_within_is_left_out_and_its_day_stays_as_it_was(
    workspace: Path, company: Company
):
    assert madang(workspace, *STAGED)[0] == 0
    before = days_of(workspace)
    path = shard(workspace, "20261030")
    path.write_bytes(damaged_within(path))
    shutil.copy(company.root / "ga4" / "events_20261028.parquet", workspace / "ga4")
    for _ in range(2):  # the second time it is known and not read again
        code, out, error = madang(workspace, *STAGED)
        assert code == 3, error
        (told,) = left_out(out).items()
        assert told[0] == "events_20261030.parquet (2026-10-30)"
        assert told[1].startswith("cannot be read to its end (")
        assert days_of(workspace).items() >= before.items(), "something that was built is lost"
        assert days_of(workspace).keys() == {*DAYS, "20261028"}

    shutil.copy(company.root / "ga4" / "events_20261030.parquet", path)
    assert madang(workspace, *STAGED)[0] == 0
    assert days_of(workspace).items() >= before.items()


def test_a_value_of_a_wrong_type_is_told_with_its_column_and_without_the_value(workspace: Path):
    path = shard(workspace, "20261030")
    wrong = path.with_name("wrong")
    secret = "case when event_name = 'page_view' then 'secret' else '1' end"
    query = f"select * replace ({secret} as event_bundle_sequence_id) from '{path}'"
    duckdb.sql(f"copy ({query}) to '{wrong}' (format parquet)")
    wrong.replace(path)
    code, out, error = madang(workspace, *STAGED)
    assert code == 3, error
    assert left_out(out) == {
        "events_20261030.parquet (2026-10-30)": "cannot be read to its end "
        "(column event_bundle_sequence_id, Conversion)"
    }
    assert "secret" not in out + error
    assert days_of(workspace).keys() == {"20261029", "20261031"}


def test_a_line_that_is_no_json_is_told_with_its_number(workspace: Path):
    path = shard(workspace, "20261030")
    lines = path.with_name("events_20261030.json")
    duckdb.sql(f"copy (from '{path}') to '{lines}' (format json)")
    path.unlink()
    text = lines.read_text(encoding="utf-8").splitlines()
    text[6] = "{]"
    lines.write_text("\n".join(text), encoding="utf-8")
    code, out, error = madang(workspace, *STAGED)
    assert code == 3, error
    assert left_out(out) == {
        "events_20261030.json (2026-10-30)": "cannot be read to its end "
        "(line 7 is no JSON, InvalidInput)"
    }
    assert days_of(workspace).keys() == {"20261029", "20261031"}


def test_a_zipped_file_that_is_cut_off_is_told(workspace: Path):
    path = shard(workspace, "20261030")
    zipped = path.with_name("events_20261030.json.gz")
    duckdb.sql(f"copy (from '{path}') to '{zipped}' (format json)")
    path.unlink()
    zipped.write_bytes(zipped.read_bytes()[:50_000])
    code, out, error = madang(workspace, *STAGED)
    assert code == 3, error
    (told,) = left_out(out).items()
    assert told[0] == "events_20261030.json.gz (2026-10-30)"
    assert told[1].startswith("cannot be read to its end (cut off, ")
    assert days_of(workspace).keys() == {"20261029", "20261031"}


def test_a_day_that_shrank_is_told(workspace: Path):
    assert madang(workspace, *STAGED)[0] == 0
    path = shard(workspace, "20261030")
    rows = duckdb.sql(f"from '{path}'").shape[0]
    fewer = path.with_name("fewer")
    duckdb.sql(f"copy (from '{path}' limit {rows - 100}) to '{fewer}' (format parquet)")
    fewer.replace(path)
    code, out, _ = madang(workspace, *STAGED)
    assert code == 3
    assert (
        "shrunk: events_20261030.parquet (2026-10-30): 100 rows fewer than when it was last read"
        in out
    )
    assert madang(workspace, *STAGED)[0] == 0, "told once"


def test_a_day_of_lines_that_shrank_is_told_by_its_size(workspace: Path):
    path = shard(workspace, "20261030")
    lines = path.with_suffix(".json")
    duckdb.sql(f"copy (from '{path}') to '{lines}' (format json)")
    path.unlink()
    assert madang(workspace, *STAGED)[0] == 0
    duckdb.sql(f"copy (from '{lines}' limit 50) to '{lines}.fewer' (format json)")
    Path(f"{lines}.fewer").replace(lines)
    code, out, _ = madang(workspace, *STAGED)
    assert code == 3
    assert "shrunk: events_20261030.json (2026-10-30): " in out
    assert " bytes fewer than when it was last read" in out


# rules


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the dbt project in which somebody misspelt an action, twice."""
    root = copied_project(tmp_path_factory.mktemp("misspelt") / "project")
    (root / "madang.yml").write_text("version: 1\n", encoding="utf-8")
    for place, right, wrong in (
        ("marts/audiences/_maru__audiences.yml", "did: viewed_branch", "did: visited_branch"),
        ("marts/journeys/_maru__funnels.yml", "action: viewed_model}", "action: view_model}"),
    ):
        path = root / "models" / place
        text = path.read_text(encoding="utf-8")
        assert right in text
        path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    return root


def line_of(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize("command", ["check", "build", "run"])
def test_an_unknown_action_stops_everything_with_its_line(project: Path, command: str):
    code, out, _ = madang(project, command)
    assert code == 2
    for file, wrong, right in (
        ("models/marts/audiences/_maru__audiences.yml", "visited_branch", "viewed_branch"),
        ("models/marts/journeys/_maru__funnels.yml", "view_model", "viewed_model"),
    ):
        line = line_of(project / file, wrong)
        (told,) = [text for text in out.splitlines() if text.startswith(f"{file}:{line}: ")]
        assert f"'{wrong}'" in told
        assert f"Did you mean '{right}'?" in told
    assert not (project / "warehouse.duckdb").exists()


@pytest.mark.parametrize(
    ("model", "wrong"),
    [("audience_candidates", "visited_branch"), ("funnel_entries", "view_model")],
)
def test_dbt_alone_does_not_take_an_unknown_action_for_nobody(
    project: Path, model: str, wrong: str
):
    with pytest.raises(BuildError, match=f"names the action '{wrong}', which does not exist"):
        run_dbt(load_settings(project), ["compile", "--select", model])
