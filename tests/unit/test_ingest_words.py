"""Words of partners: every one lands, and those that no list knows are told without values."""

from pathlib import Path

import pytest

from ingest_workspace import PROJECT, csv_bytes, own_project, put
from madang import ingest
from madang.errors import SpecError
from madang.ingest.sources import read_sources
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse

HEADERS = ["결과번호", "상품", "상태", "발생일시"]
AT = "2026-10-01 10:00"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name in ("outcome_statuses", "outcome_products"):
        file = f"seeds/{name}.csv"
        put(tmp_path / file, (PROJECT / file).read_bytes())
    return own_project(tmp_path, "offline")


def load(settings: Settings, *rows: list[str]) -> ingest.FileReport:
    put(settings.paths.inbox / "offline" / "1.csv", csv_bytes([HEADERS, *rows]))
    with open_warehouse(settings) as warehouse:
        (report,) = ingest.load(settings, warehouse).files
    return report


def test_known_words_in_any_spelling_are_not_told(settings: Settings) -> None:
    report = load(
        settings, ["1", "홈 충전기", "설치 완료", AT], ["2", "TEST DRIVE", "ＣＨＵＲＮ", AT]
    )
    assert (report.loaded, report.rejected, report.notes) == (2, 0, ())


def test_unknown_words_land_and_are_told(settings: Settings) -> None:
    rows = [[str(n), "충전기", "재검토", AT] for n in range(3)]
    report = load(settings, *rows, ["9", "태양광", "해지", AT])
    assert (report.loaded, report.rejected) == (4, 0)
    assert [note.partition(". ")[0] for note in report.notes] == [
        "1 rows have a product that seeds/outcome_products.csv does not know (태양광)",
        "3 rows have a status that seeds/outcome_statuses.csv does not know (재검토)",
    ]


@pytest.mark.parametrize("text", ["010-1234-5678", "kim@maru.example", "가" * 31])
def test_what_may_be_somebodys_is_counted_and_not_shown(settings: Settings, text: str) -> None:
    (note,) = load(settings, ["1", "충전기", text, AT]).notes
    assert note.startswith("1 rows have a status")
    assert text not in note


def test_a_list_belongs_to_a_column_of_text(settings: Settings) -> None:
    path = settings.project_dir / "models/staging/offline/_offline__sources.yml"
    text = path.read_text(encoding="utf-8")
    old = "type: text\n                required: true\n                words: outcome_statuses"
    assert old in text
    path.write_text(text.replace(old, old.replace("type: text", "type: id")), encoding="utf-8")
    with pytest.raises(SpecError, match="'words' belongs to 'type: text'"):
        read_sources(settings.project_dir)
