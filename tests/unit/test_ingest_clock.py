"""A clock that is set back or runs ahead while files are loaded: the last load is the newest."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest_workspace import CRM_HEADERS, csv_bytes, own_project, put
from madang import ingest
from madang.health.freshness import freshness
from madang.ingest.checks.snapshots import last_snapshot
from madang.ingest.landing import ledger_clock
from madang.ingest.landing.holds import open_holds
from madang.ingest.sources import read_sources
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse

YEAR = 366


class Clock:
    """The machine's clock, so many days off."""

    days = 0

    def now(self, zone=UTC) -> datetime:
        return datetime.now(zone) + timedelta(days=self.days)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(ledger_clock, "datetime", clock)
    return clock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return own_project(tmp_path, "crm")


def load(settings: Settings, name: str, *numbers: str, bad: int = 0) -> ingest.LoadReport:
    rows = [
        [one, "김마루", "없는번호" if at < bad else None, *[None] * 4]
        for at, one in enumerate(numbers)
    ]
    put(settings.paths.inbox / "crm" / name, csv_bytes([CRM_HEADERS, *rows]))
    with open_warehouse(settings) as warehouse:
        return ingest.load(settings, warehouse)


@pytest.mark.parametrize("days", [(YEAR, 0, -YEAR), (-YEAR, YEAR, 0), (0, -YEAR, -2 * YEAR)])
def test_the_snapshot_that_was_loaded_last_is_the_newest(
    settings: Settings, machine: Clock, days: tuple[int, ...]
) -> None:
    (table,) = [one for one in read_sources(settings.project_dir) if one.name == "customers"]
    for number, off in enumerate(days):
        machine.days = off
        load(settings, f"{number}.csv", f"C{number}", "C9")
        with open_warehouse(settings) as warehouse:
            newest = last_snapshot(warehouse, table)
        assert newest is not None and newest.file == f"crm/{number}.csv"


def test_a_source_is_as_fresh_as_the_clock_says_of_its_last_load(
    settings: Settings, machine: Clock
) -> None:
    machine.days = YEAR
    load(settings, "1.csv", "C1")
    machine.days = -20
    load(settings, "2.csv", "C1", "C2")
    with open_warehouse(settings) as warehouse:
        (found,) = freshness(settings, warehouse)
        assert found.state == "late by 12 days"
        relation = warehouse.relation("raw", "_files")
        warehouse.execute(f"alter table {relation} drop column clock_at")  # as it was before
        (found,) = freshness(settings, warehouse)
        assert found.state == "fresh"


def test_a_mended_file_ends_a_hold_whatever_the_clock_said(
    settings: Settings, machine: Clock
) -> None:
    machine.days = YEAR
    load(settings, "1.csv", *(f"C{n}" for n in range(20)), bad=20)
    with open_warehouse(settings) as warehouse:
        assert [one["file"] for one in open_holds(warehouse)] == ["crm/1.csv"]
    machine.days = 0
    load(settings, "1.csv", *(f"C{n}" for n in range(20)))
    with open_warehouse(settings) as warehouse:
        assert open_holds(warehouse) == []
