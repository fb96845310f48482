"""Files that wait for a person, files being written, and files that are known."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingest_workspace import CRM_HEADERS, GOOD_CUSTOMER, csv_bytes, own_project, put
from madang import ingest
from madang.cli import app
from madang.ingest import one_file
from madang.ingest.checks import checking
from madang.ingest.landing.holds import open_holds, too_many_gone, too_many_rejected
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse

Load = Callable[..., ingest.LoadReport]
YES = ingest.Acceptance("mina", "the Busan shop was sold")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return own_project(tmp_path, "crm")


@pytest.fixture
def load(settings: Settings) -> Load:
    def run(*paths: Path, **kwargs: Any) -> ingest.LoadReport:
        with open_warehouse(settings) as warehouse:
            return ingest.load(settings, warehouse, list(paths) or None, **kwargs)

    return run


def snapshot(settings: Settings, name: str, numbers: range, bad: int = 0) -> Path:
    """A customer list; the first `bad` telephone numbers are none."""
    rows = [
        [f"C{n:06}", GOOD_CUSTOMER[1], "없는번호" if at < bad else None, *[None] * 4]
        for at, n in enumerate(numbers)
    ]
    return put(settings.paths.inbox / "crm" / name, csv_bytes([CRM_HEADERS, *rows]))


def query(settings: Settings, sql: str, table: str) -> list[dict[str, Any]]:
    with open_warehouse(settings) as warehouse:
        return warehouse.fetch(sql.format(warehouse.relation("raw", table)))


def old(path: Path) -> Path:
    """Let a file be unchanged for an hour, as its metadata tell."""
    past = time.time() - 3600
    os.utime(path, (past, past))
    return path


def unsettled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metadata are trusted at once, as if the file's change lay long back."""
    monkeypatch.setattr("madang.ingest.landing.seen.SETTLED_NS", -1)


def test_a_snapshot_says_who_is_gone_and_lists_them(load: Load, settings: Settings) -> None:
    snapshot(settings, "list_1.csv", range(100))
    load()
    snapshot(settings, "list_2.csv", range(5, 103))
    second = load().files[-1]
    assert (second.status, second.loaded, second.gone) == ("loaded", 98, 5)
    assert second.gone_file is not None
    listed = second.gone_file.read_text(encoding="utf-8-sig").split()
    assert listed == ["customer_no", "C000000", "C000001", "C000002", "C000003", "C000004"]
    assert any("5 of the 100 rows of the last snapshot" in note for note in second.notes)


def test_nobody_gone_is_no_list(load: Load, settings: Settings) -> None:
    snapshot(settings, "list_1.csv", range(20))
    snapshot(settings, "list_2.csv", range(25))
    assert [(file.gone, file.gone_file) for file in load().files] == [(0, None)] * 2
    assert not settings.paths.rejects.exists()


def test_a_snapshot_that_lost_too_many_is_held_until_someone_says_yes(
    load: Load, settings: Settings
) -> None:
    snapshot(settings, "list_1.csv", range(100))
    half = snapshot(settings, "list_2.csv", range(60))
    report = load()
    assert [file.status for file in report.files] == ["loaded", "held"]
    assert report.exit_code == 3
    held = report.files[1]
    assert "40 of the 100 rows of the last snapshot (40%)" in str(held.skipped_reason)
    assert "max_shrink_share allows 30%" in str(held.skipped_reason)
    assert "--accept" in str(held.fix)
    assert query(settings, "select count(*) as n from {}", "crm_customers") == [{"n": 100}]

    again = load().files[1]  # a run without a word changes nothing
    assert again.status == "held"
    assert len(query(settings, "from {}", "_held_files")) == 1

    (taken,) = load(half, acceptance=YES).files
    assert (taken.status, taken.loaded) == ("loaded", 60)
    events = query(settings, "from {} order by happened_at", "_held_files")
    assert [(row["event"], row["author"]) for row in events] == [
        ("held", None),
        ("accepted", "mina"),
    ]
    assert events[1]["why"].startswith("the Busan shop was sold (40 of the 100 rows")
    assert load().files[1].status == "already loaded"


def test_a_yes_is_for_that_content_alone(load: Load, settings: Settings) -> None:
    snapshot(settings, "list_1.csv", range(100))
    half = snapshot(settings, "list_2.csv", range(60))
    load()
    load(half, acceptance=YES)
    snapshot(settings, "list_2.csv", range(20))
    assert load().files[1].status == "held"


def test_too_many_bad_rows_are_held_and_let_in_without_the_bad_ones(
    load: Load, settings: Settings
) -> None:
    path = snapshot(settings, "list.csv", range(10), bad=4)
    held = load().files[0]
    assert (held.status, held.rejected) == ("held", 4)
    taken = load(path, acceptance=YES).files[0]
    assert (taken.status, taken.loaded, taken.rejected) == ("loaded", 6, 4)
    assert any("Loaded although: 4 of 10 rows" in note for note in taken.notes)


def test_a_mended_file_takes_the_place_of_the_held_one(load: Load, settings: Settings) -> None:
    def held() -> list[str]:
        with open_warehouse(settings) as warehouse:
            return [hold["why"][:12] for hold in open_holds(warehouse)]

    snapshot(settings, "list.csv", range(10), bad=4)
    load()
    assert held() == ["4 of 10 rows"]
    snapshot(settings, "list.csv", range(10), bad=3)
    load()
    assert held() == ["3 of 10 rows"]
    snapshot(settings, "list.csv", range(10))
    assert load().files[0].status == "loaded"
    assert held() == []


def test_a_file_without_a_good_row_cannot_be_let_in(load: Load, settings: Settings) -> None:
    path = snapshot(settings, "list.csv", range(10), bad=10)
    assert "--accept" not in str(load(path, acceptance=YES).files[0].fix)
    assert load(path, acceptance=YES).files[0].status == "held"


def test_a_mapping_has_limits_of_its_own(tmp_path: Path) -> None:
    table = """
sources:
  - name: shops
    tables:
      - name: shops
        config:
          meta:
            load: {files: ["shops/*.csv"], mode: snapshot, key: [id], max_shrink_share: 0.9}
        columns:
          - name: id
            config: {meta: {type: id, required: true}}
          - name: city
"""
    settings = own_project(tmp_path)
    put(tmp_path / "models/staging/shops/_shops__sources.yml", table)
    for name, count in (("a.csv", 100), ("b.csv", 30)):
        rows = [[f"S{n}", "서울"] for n in range(count)]
        put(tmp_path / "inbox/shops" / name, csv_bytes([["id", "city"], *rows]))
    with open_warehouse(settings) as warehouse:
        report = ingest.load(settings, warehouse)
    assert [file.status for file in report.files] == ["loaded", "loaded"]
    assert report.files[1].gone == 70


def test_the_limits_are_exact() -> None:
    assert too_many_rejected(10, 2, 0.2) is None
    assert too_many_rejected(10, 3, 0.2)
    assert too_many_rejected(1, 1, 1.0)  # nothing is left
    assert too_many_gone(100, 30, 0.3) is None
    assert too_many_gone(100, 31, 0.3)
    assert too_many_gone(12, 9, 0.3) is None  # so few are normal in a short list


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_load(
    load: Load, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = snapshot(settings, "list.csv", range(10))
    checked = checking.check_rows

    def slow_writer(*args: Any) -> Any:
        with path.open("ab") as file:
            file.write(b"C999999,\xea\xb9\x80,,,,,\r\n")
        return checked(*args)

    with monkeypatch.context() as patched:
        patched.setattr(checking, "check_rows", slow_writer)
        (file,) = load().files
    assert (file.status, file.loaded) == ("changing", 0)
    with open_warehouse(settings) as warehouse:
        assert not warehouse.exists("raw", "crm_customers")
    assert load().files[0].loaded == 11


def test_a_folder_loaded_twice_reads_metadata_alone(
    load: Load, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsettled(monkeypatch)
    first = snapshot(settings, "list_1.csv", range(10))
    snapshot(settings, "list_2.csv", range(20))
    load(first)
    load()
    with monkeypatch.context() as patched:
        patched.setattr(one_file, "digest_of", lambda path: pytest.fail(f"{path} was opened"))
        report = load()
    assert [file.status for file in report.files] == ["already loaded"] * 2


def test_the_same_size_and_time_with_other_content_is_noticed(
    load: Load, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsettled(monkeypatch)
    path = old(snapshot(settings, "list.csv", range(10)))
    load()
    old(snapshot(settings, "list.csv", range(1, 11)))
    assert path.stat().st_size > 0
    assert load().files[0].status == "loaded"


def test_metadata_of_a_file_just_written_are_not_trusted(load: Load, settings: Settings) -> None:
    snapshot(settings, "list.csv", range(10))
    load()
    with open_warehouse(settings) as warehouse:
        assert not warehouse.exists("raw", "_seen_files")


def test_the_commands_hold_show_and_accept(load: Load, settings: Settings) -> None:
    snapshot(settings, "list_1.csv", range(100))
    path = snapshot(settings, "list_2.csv", range(10))

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["--config", str(settings.config_path), *words])

    assert run("load").exit_code == 3
    shown = run("status").output
    assert "Held files" in shown
    assert "crm/list_2.csv" in shown
    assert run("load", "--accept", "ok").exit_code == 2  # for which file?
    assert run("load", str(path), "--accept", " ").exit_code == 2
    assert run("load", str(path), "--accept", "ask 010-1234-5678").exit_code == 2
    taken = run("load", str(path), "--accept", "sold", "--author", "mina")
    assert taken.exit_code == 0, taken.output
    assert "Held files" not in run("status").output
