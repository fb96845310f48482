"""A first mapping for an unknown file: names, types, key, mode, personal data, and what is said."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from ingest_workspace import CRM_HEADERS, csv_bytes, customers, own_project, put, workbook
from madang import ingest
from madang.cli import app
from madang.errors import MadangError
from madang.ingest.propose import Proposal, propose
from madang.ingest.propose.guesses import guess
from madang.ingest.propose.names import name_for, romanized
from madang.ingest.sources import read_sources
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse

HEADERS = [
    "신청번호",
    "고객명",
    "연락처",
    "차종",
    "신청일시",
    "희망일",
    "진행상태",
    "동의여부",
    "금액",
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A workspace over a dbt project of its own that has no source yet."""
    return own_project(tmp_path)


def application(number: int, **changes: Any) -> list[Any]:
    row = {
        "신청번호": f"T{number:05}",
        "고객명": ["김마루", "이소리", "박하늘"][number % 3],
        "연락처": f"010-{2000 + number}-1000",
        "차종": ["세단", "왜건"][number % 2],
        "신청일시": datetime(2026, 10, 1 + number % 28, 9, number % 60),
        "희망일": date(2026, 11, 1 + number % 28),
        "진행상태": ["접수", "완료", "취소"][number % 3],
        "동의여부": ["Y", "N"][number % 2],
        "금액": f"{number + 1},000,000원",
    }
    return list((row | changes).values())


def applications(path: Path, count: int = 40, **changes: Any) -> Path:
    rows = [application(number, **changes) for number in range(count)]
    return workbook(path, [HEADERS, *rows, ["합계"]], title="2026년 10월 시승 신청 현황")


def columns_of(made: Proposal) -> dict[str, dict[str, Any]]:
    table = yaml.safe_load(made.path.read_text(encoding="utf-8"))["sources"][0]["tables"][0]
    return {column["name"]: column["config"]["meta"] for column in table["columns"]}


def test_an_unknown_korean_workbook_is_mapped_checked_and_loaded(
    settings: Settings, tmp_path: Path
) -> None:
    path = applications(tmp_path / "시승신청_2026-10.xlsx")
    made = propose(settings, path)
    assert made.path == (
        settings.project_dir / "models/staging/test_drive_applications"
        "/_test_drive_applications__sources.yml"
    )
    (table,) = read_sources(settings.project_dir)
    assert (table.mode, table.key) == ("delta", ["application_no"])
    assert {column.name: column.type for column in table.columns} == {
        "application_no": "id",
        "customer_name": "name",
        "phone": "phone",
        "model": "choice",
        "application_at": "timestamp",
        "wished_date": "date",
        "progress_status": "choice",
        "consent_flag": "boolean",
        "amount": "amount",
    }
    assert [column.name for column in table.columns if column.pii] == ["customer_name", "phone"]
    assert [column.name for column in table.columns if column.required] == ["application_no"]
    assert (made.rows, made.loadable) == (40, 40)
    assert any("Row 44 is a total" in finding for finding in made.findings)

    target = settings.paths.inbox / "test_drive_applications" / path.name
    put(target, path.read_bytes())
    with open_warehouse(settings) as warehouse:
        report = ingest.load(settings, warehouse)
        rows = warehouse.fetch(f"from {warehouse.relation('raw', table.identifier)} order by _row")
    assert (report.exit_code, report.rows) == (0, 40)
    assert (rows[0]["amount"], rows[0]["application_at"]) == (
        "1000000",
        "2026-10-01T09:00:00+09:00",
    )


def test_a_list_of_people_is_a_snapshot_and_the_reasons_stand_beside_the_guesses(
    settings: Settings, tmp_path: Path
) -> None:
    rows = [[f"C{n}", "김마루", f"m{n}@maru.example", "2026-01-02"] for n in range(5)]
    data = csv_bytes([["회원번호", "성명", "이메일", "가입일"], *rows], "cp949")
    made = propose(settings, put(tmp_path / "members.csv", data))
    text = made.path.read_text(encoding="utf-8")
    assert "mode: snapshot  # a list of people" in text
    assert "type: date  # the header says so; 5 of 5 values fit" in text
    assert any("Is each file the whole list?" in finding for finding in made.findings)


def test_values_of_people_do_not_get_into_the_mapping(settings: Settings, tmp_path: Path) -> None:
    path = applications(tmp_path / "시승신청.xlsx", 40)
    made = propose(settings, path)
    said = made.path.read_text(encoding="utf-8") + "".join(made.findings)
    for value in ("김마루", "010-2000-1000", "T00001"):
        assert value not in said


def test_what_other_sources_call_a_header_is_taken_over(tmp_path: Path) -> None:
    settings = own_project(tmp_path, "crm")
    rows = [[f"C{n:06}", 1012345678 + n, "경품 당첨"] for n in range(5)]
    path = workbook(tmp_path / "winners.xlsx", [["고객코드", "핸드폰번호", "이벤트 결과"], *rows])
    made = propose(settings, path, out=tmp_path / "out.yml")
    found = columns_of(made)
    assert (found["customer_no"]["type"], found["phone"]["type"]) == ("id", "phone")
    assert "event_result" in found


def test_a_column_of_national_ids_stops_it(settings: Settings, tmp_path: Path) -> None:
    by_header = put(tmp_path / "a.csv", csv_bytes([["이름", "주민등록번호"], ["김마루", "1"]]))
    rows = [["이름", "확인"], *([["김마루", f"90010{n}-1234567"] for n in range(9)])]
    by_value = put(tmp_path / "b.csv", csv_bytes(rows))
    for path in (by_header, by_value):
        with pytest.raises(MadangError, match="national id numbers"):
            propose(settings, path, source="lists")
    assert not list(settings.project_dir.glob("models/**/*.yml"))


def test_two_rows_of_headers_are_one_header(settings: Settings, tmp_path: Path) -> None:
    rows = [
        ["회원번호", "연락처", None, "금액"],
        [None, "휴대폰", "이메일", None],
        *([[f"C{n}", f"010-1111-100{n}", f"m{n}@maru.example", 1000 + n] for n in range(6)]),
    ]
    made = propose(settings, workbook(tmp_path / "list.xlsx", rows), source="lists")
    types = {meta["headers"][0]: meta["type"] for meta in columns_of(made).values()}
    assert types == {
        "회원번호": "id",
        "연락처 휴대폰": "phone",
        "연락처 이메일": "email",
        "금액": "amount",
    }
    assert (made.rows, made.loadable) == (6, 6)


def test_without_a_unique_column_two_columns_are_the_key_and_that_is_said(
    settings: Settings, tmp_path: Path
) -> None:
    rows = [[day, store, 5] for day in ("2026-10-01", "2026-10-02") for store in ("가", "나", "다")]
    path = put(tmp_path / "visits.csv", csv_bytes([["방문일자", "매장", "건수"], *rows]))
    made = propose(settings, path)
    (table,) = read_sources(settings.project_dir)
    assert table.key == ["visit_date", "store"]
    assert any("two together do" in finding for finding in made.findings)


def test_a_column_whose_values_do_not_fit_its_header_is_to_be_looked_at(
    settings: Settings, tmp_path: Path
) -> None:
    path = applications(tmp_path / "applications.xlsx", 30, 연락처="확인 필요")
    made = propose(settings, path)
    assert columns_of(made)["phone"]["type"] != "phone"
    assert any("sounds like 'phone'" in finding for finding in made.findings)


def test_rows_that_would_be_rejected_are_counted_before_anything_is_loaded(
    settings: Settings, tmp_path: Path
) -> None:
    rows = [application(number) for number in range(40)]
    rows[3][2] = "없는번호"
    path = workbook(tmp_path / "applications.xlsx", [HEADERS, *rows])
    made = propose(settings, path)
    assert (made.rows, made.loadable) == (40, 39)
    assert any("1 of 40 rows would be rejected: see phone" in f for f in made.findings)


def test_nothing_is_written_over_and_a_known_file_is_said_to_be_known(tmp_path: Path) -> None:
    settings = own_project(tmp_path, "crm")
    path = customers(settings.paths.inbox / "crm" / "list.xlsx", ["C1", "김", *[None] * 5])
    with pytest.raises(MadangError, match=r"one of crm\.customers already"):
        propose(settings, path)
    out = put(tmp_path / "there.yml", "mine")
    other = put(tmp_path / "unknown.csv", csv_bytes([["a1", "b1"], ["1", "x"]]))
    with pytest.raises(MadangError, match="already; nothing was written"):
        propose(settings, other, out=out)
    assert out.read_text() == "mine"


def test_other_sheets_are_named_and_left_out(settings: Settings, tmp_path: Path) -> None:
    path = workbook(tmp_path / "list.xlsx", [CRM_HEADERS, *([["C1"] + ["가"] * 6])] * 1)
    import openpyxl

    book = openpyxl.load_workbook(path)
    book.create_sheet("코드표").append(["설명입니다"])
    book.save(path)
    made = propose(settings, path, source="lists")
    (table,) = read_sources(settings.project_dir)
    assert table.sheets == ["고객"]
    assert any("Sheets left out: 코드표" in finding for finding in made.findings)


def test_the_command_writes_and_tells_what_to_do_next(settings: Settings, tmp_path: Path) -> None:
    path = applications(tmp_path / "시승신청.xlsx")
    arguments = ["--config", str(settings.config_path), "load", "--propose", str(path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "40 of 40 rows would load" in result.output
    assert "madang check" in result.output
    checked = CliRunner().invoke(app, ["--config", str(settings.config_path), "check"])
    assert "1 sources" in checked.output


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("시승신청일", "test_drive_application_date"),
        ("휴대폰 번호", "phone_no"),
        ("Order No.", "order_no"),
        ("2차 연락처", "c_2_cha_phone"),
        ("주문", "order_value"),
        ("번호", "number"),  # 'no' is reserved, and false in YAML
        ("일시", "moment"),
        ("탈퇴", "left_value"),
        ("Y", "y_value"),
        ("***", "unnamed"),
    ],
)
def test_headers_become_plain_names(header: str, name: str) -> None:
    assert name_for(header).text == name


def test_unknown_words_are_spelt_by_their_sound() -> None:
    assert name_for("김치").text == romanized("김치") == "gimchi"
    assert name_for("김치").is_spelt
    assert not name_for("고객번호").is_spelt
    assert name_for("고객번호", ["customer_no"]).text == "customer_no_2"


@pytest.mark.parametrize(
    ("header", "cells", "kind"),
    [
        # the header names the type: half of the values are enough, the rest are mistakes
        ("휴대폰", ["010-1234-5678", "1.01E+10"], "phone"),
        ("휴대폰", ["010-1234-5678", "1.01E+10", "모름"], "text"),
        ("값", ["010-1234-5678", "02-155-1234"], "phone"),
        ("값", ["a@maru.example", "b@maru.example"], "email"),
        ("값", ["2026-10-01 09:30", "2026-10-02 10:00"], "timestamp"),
        ("값", [date(2026, 10, 1)], "date"),
        ("값", ["12,000원", "3백만"], "amount"),
        ("값", [1.0, 2.0], "integer"),
        ("값", [1.5, 2.0], "amount"),
        ("값", ["00123", "00124"], "text"),
        ("값", ["35000", "42000", "18000"], "integer"),  # and no serials of Excel
        ("값", ["05/10/2026", "25/10/2026"], "date"),
        ("값", ["26.10.5", "26.10.12"], "date"),
        ("사번", ["00123", "00124"], "id"),
        ("고객번호", ["00123", "00124"], "id"),
        ("값", ["예", "아니오"], "boolean"),
        ("값", ["가 나", "다 라"], "text"),
        ("연락처", [1012345678.0, 1012345679.0], "phone"),
        ("가입일", [46023.0, 46024.0], "date"),
        ("비고", [None, None], "text"),
    ],
)
def test_types_follow_the_values_and_the_header(header: str, cells: list[Any], kind: str) -> None:
    assert guess(header, cells).type == kind
