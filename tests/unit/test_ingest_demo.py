"""The demo company's own files against its truth: exactly the rows it spoilt are handed back."""

import csv
from pathlib import Path

import duckdb
import pytest

from madang import ingest
from madang.demo import generate
from madang.settings.workspace import load_settings
from madang.warehouse import open_warehouse


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ingest.LoadReport]:
    root = tmp_path_factory.mktemp("demo")
    generate(root, people=600, days=10)
    settings = load_settings(root / "madang.yml")
    with open_warehouse(settings) as warehouse:
        return root, ingest.load(settings, warehouse)


def test_the_rows_that_the_truth_calls_unreadable_are_handed_back_and_no_others(
    demo: tuple[Path, ingest.LoadReport],
) -> None:
    root, report = demo
    found = []
    for path in report.rejects_files:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                place = row["파일 / file"], int(row["행 / row"])
                column = row["열 / column"].rpartition("(")[2].removesuffix(")")
                found.append((*place, column or "_line", row["값 / value"]))
    truth = duckdb.sql(f"from '{root}/truth/expected_rejects.parquet'").fetchall()
    assert sorted(found) == sorted(truth) != []


def test_every_other_row_of_every_file_is_loaded(demo: tuple[Path, ingest.LoadReport]) -> None:
    _, report = demo
    assert {file.status for file in report.files} == {"loaded"}
    assert {file.source for file in report.files} == {
        "ads.google",
        "ads.kakao",
        "ads.meta",
        "ads.naver",
        "ads.tiktok",
        "braze.events",
        "consent.events",
        "crm.customers",
        "inquiries.inquiries",
        "notices.notices",
        "offline.outcomes",
        "salesforce.contacts",
        "salesforce.individuals",
        "shop.orders",
    }
    assert report.exit_code == 3
    for file in report.files:
        assert file.loaded == file.rows - file.rejected > 0
        if file.path.suffix == ".csv":
            with file.path.open(encoding="utf-8", newline="") as text:
                assert file.rows == sum(1 for _ in csv.reader(text)) - 1
