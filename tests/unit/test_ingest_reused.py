"""Numbers that are used again, and logs without numbers: all rows land, and the load says so."""

from pathlib import Path

import pytest

from ingest_workspace import CONSENT_HEADERS, csv_bytes, own_project, put
from madang import ingest
from madang.errors import SpecError
from madang.ingest.sources import read_sources
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse

ROW = ["C1", "email", "marketing", "granted", "2026-10-01T10:00:00+09:00"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return own_project(tmp_path, "consent")


def load(settings: Settings, name: str, headers: list[str], *rows: list) -> ingest.FileReport:
    put(settings.paths.inbox / "consent" / name, csv_bytes([headers, *rows]))
    with open_warehouse(settings) as warehouse:
        report = ingest.load(settings, warehouse)
    return next(one for one in report.files if one.path.name == name)


def test_a_running_number_of_each_file_is_told_and_every_row_lands(settings: Settings) -> None:
    first = load(settings, "1.csv", CONSENT_HEADERS, ["1", *ROW], ["2", "C2", *ROW[1:]])
    assert (first.loaded, first.notes) == (2, ())
    withdrawn = [*ROW[:3], "withdrawn", "2026-10-05T10:00:00+09:00"]
    second = load(settings, "2.csv", CONSENT_HEADERS, ["1", *withdrawn], ["3", *ROW])
    assert second.loaded == 2
    (note,) = second.notes
    assert note.startswith("1 consent_id of this file stand for two things")
    assert "leave the column out" in note


def test_a_row_that_is_told_again_is_no_other_thing(settings: Settings) -> None:
    load(settings, "1.csv", CONSENT_HEADERS, ["1", *ROW])
    again = load(settings, "2.csv", CONSENT_HEADERS, ["1", *ROW], ["2", "C2", *ROW[1:]])
    assert (again.loaded, again.notes) == (2, ())


def test_a_log_without_a_number_loads(settings: Settings) -> None:
    report = load(settings, "1.csv", CONSENT_HEADERS[1:], ROW, ["C2", *ROW[1:]])
    assert (report.status, report.loaded, report.rejected) == ("loaded", 2, 0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mode: delta", "mode: snapshot", "Without 'key'"),
        ("key_means: [customer_no", "key_means: [customer_nr", "Did you mean 'customer_no'?"),
    ],
)
def test_a_key_may_be_missing_where_nothing_rests_on_it(
    tmp_path: Path, settings: Settings, old: str, new: str, said: str
) -> None:
    path = settings.project_dir / "models/staging/consent/_consent__sources.yml"
    text = path.read_text(encoding="utf-8")
    if "snapshot" in new:
        text = text.replace("              key: [consent_id]\n", "")
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_sources(settings.project_dir)
    assert said in str(caught.value)
