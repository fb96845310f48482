"""Workbooks as people keep them: each trap of Excel with the rows that must come of it."""

import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from ingest_workspace import CRM_HEADERS, csv_bytes, own_project, put, workbook
from madang import ingest
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse

WORKBOOKS = Path(__file__).parent / "workbooks"
FIELDS = ("customer_no", "name", "phone", "email", "tier", "region", "registered_at")
Take = Callable[[Path], tuple[list[tuple], ingest.FileReport]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return own_project(tmp_path, "crm", "shop")


@pytest.fixture
def inbox(settings: Settings) -> Path:
    return settings.paths.inbox


@pytest.fixture
def take(settings: Settings) -> Take:
    """Load a file; return the customers that landed and what became of the file."""

    def run(path: Path) -> tuple[list[tuple], ingest.FileReport]:
        with open_warehouse(settings) as warehouse:
            (file,) = ingest.load(settings, warehouse, [path]).files
            if not warehouse.exists("raw", "crm_customers"):
                return [], file
            table = warehouse.relation("raw", "crm_customers")
            rows = warehouse.fetch(f"select * from {table} order by _row")
        return [tuple(row[field] for field in FIELDS) for row in rows], file

    return run


def line(number: int, **changes: Any) -> list[Any]:
    row: dict[str, Any] = dict.fromkeys(CRM_HEADERS)
    row |= {"고객번호": f"C{number}", "이름": "김마루", **changes}
    return list(row.values())


TWO = [
    ("C000001", "김마루", "1012345678", "a@maru.example", "VIP", "서울", "2026-01-07"),
    ("C000002", "이소리", "010-2345-6789", None, "일반", None),
]


@pytest.mark.parametrize(
    ("file", "second_day"),
    [
        ("customers.xls", "2026-01-08"),
        ("customers_1904.xls", "2026-01-08"),  # a bare serial, four years less
        ("customers.xlsb", "2026-01-08"),
        ("customers.ods", "2026-01-08"),
        ("customers_1904.xlsb", "2030-01-09"),  # the same numbers, counted from 1904
    ],
)
def test_every_kind_of_workbook_gives_the_same_rows(
    take: Take, inbox: Path, file: str, second_day: str
) -> None:
    data = (WORKBOOKS / file).read_bytes()
    rows, report = take(put(inbox / "crm" / file, data))
    assert (report.status, report.loaded, report.rejected) == ("loaded", 2, 0)
    first = TWO[0] if "1904.xlsb" not in file else (*TWO[0][:6], "2030-01-08")
    assert rows == [first, (*TWO[1], second_day)]


def test_cells_that_a_reader_would_pass_over_refuse_the_file(take: Take, inbox: Path) -> None:
    data = (WORKBOOKS / "short_cells.xlsb").read_bytes()
    rows, report = take(put(inbox / "crm" / "a.xlsb", data))
    assert (rows, report.status) == ([], "refused")
    assert "cannot be read" in str(report.skipped_reason)


@pytest.mark.parametrize("epoch", [None, CALENDAR_MAC_1904])
@pytest.mark.parametrize(
    ("cell", "day"),
    [
        (date(2026, 10, 6), "2026-10-06"),
        (datetime(2026, 10, 6, 14, 30), "2026-10-06"),
        ("2026. 10. 6.", "2026-10-06"),
        (20261006, "2026-10-06"),
        ("serial", "2026-10-06"),
    ],
)
def test_days_of_both_epochs(take: Take, inbox: Path, epoch: Any, cell: Any, day: str) -> None:
    serial = 46301 - (1462 if epoch else 0)  # 2026-10-06
    path = workbook(inbox / "crm" / "a.xlsx", [CRM_HEADERS])
    book = openpyxl.load_workbook(path)
    if epoch:
        book.epoch = epoch
    book.active.append(line(1, 가입일=serial if cell == "serial" else cell))
    book.save(path)
    rows, report = take(path)
    assert report.status == "loaded", report
    assert [row[6] for row in rows] == [day]


def test_title_rows_merged_cells_and_a_total(take: Take, inbox: Path) -> None:
    path = workbook(
        inbox / "crm" / "a.xlsx",
        [
            CRM_HEADERS,
            line(1, 등급="VIP"),
            line(2),
            line(3),
            line(4, 등급="일반"),
            ["총 계", "4명"],
        ],
        title="2026년 10월 고객 현황 (마케팅팀)",
        merged=["E4:E6"],
    )
    rows, report = take(path)
    assert [row[4] for row in rows] == ["VIP", "VIP", "VIP", "일반"]
    assert (report.rows, report.rejected) == (4, 0)


def test_headers_of_two_rows_with_a_merged_group(take: Take, inbox: Path) -> None:
    path = workbook(
        inbox / "crm" / "a.xlsx",
        [
            ["고객번호", "이름", "고객 연락처", None, "가입일"],
            [None, None, "휴대폰", "이메일", None],
            ["C1", "김마루", "010-1234-5678", "a@maru.example", "2026-01-07"],
        ],
        merged=["A1:A2", "B1:B2", "C1:D1", "E1:E2"],
    )
    rows, report = take(path)
    assert report.rows == 1
    assert rows == [("C1", "김마루", "010-1234-5678", "a@maru.example", None, None, "2026-01-07")]


def test_headers_of_two_rows_in_a_csv_and_again_on_every_page(take: Take, inbox: Path) -> None:
    head = [["고객번호", "이름", "연락처", ""], ["", "", "휴대폰", "이메일"]]
    rows = [["C1", "김", "010-1234-5678", ""], *head, ["C2", "이", "", "b@maru.example"]]
    found, report = take(put(inbox / "crm" / "a.csv", csv_bytes([*head, *rows])))
    assert report.rejected == 0
    assert [row[:4] for row in found] == [
        ("C1", "김", "010-1234-5678", None),
        ("C2", "이", None, "b@maru.example"),
    ]


def test_hidden_sheets_are_no_data(take: Take, inbox: Path) -> None:
    hidden = [CRM_HEADERS, line(99)]
    path = workbook(inbox / "crm" / "a.xlsx", [CRM_HEADERS, line(1)], hidden=hidden)
    rows, _ = take(path)
    assert [row[0] for row in rows] == ["C1"]


@pytest.mark.parametrize(
    ("cell", "phone"),
    [
        (1012345678, "1012345678"),  # the zero lost: a number
        (1012345678.0, "1012345678"),
        ("1012345678.0", "1012345678"),  # a float that went through a text
        ("０１０－１２３４－５６７８", "０１０－１２３４－５６７８"),
        ("'010-1234-5678", "'010-1234-5678"),
        ("+82 10 1234 5678", "+82 10 1234 5678"),
        ("-", None),
    ],
)
def test_telephone_numbers_as_excel_leaves_them(
    take: Take, inbox: Path, cell: Any, phone: str | None
) -> None:
    rows, _ = take(workbook(inbox / "crm" / "a.xlsx", [CRM_HEADERS, line(1, 휴대폰=cell)]))
    assert [row[2] for row in rows] == [phone]


@pytest.mark.parametrize("cell", ["1.01E+10", "1.01235E+09", 1.01e15])
def test_digits_that_excel_lost_are_a_reject_and_not_a_number(
    take: Take, inbox: Path, cell: Any
) -> None:
    lines = [line(number) for number in range(9)]
    rows, report = take(
        workbook(inbox / "crm" / "a.xlsx", [CRM_HEADERS, *lines, line(9, 휴대폰=cell)])
    )
    assert (len(rows), report.rejected) == (9, 1)
    assert report.rejects_file is not None
    assert "뒷자리가 사라졌습니다" in report.rejects_file.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("12,000,000원", "12000000"),
        ("3백만", "3000000"),
        ("１２，０００", "12000"),
        ("₩5,000", "5000"),
        ("(1,000)", "-1000"),
        (12000000.0, "12000000"),
        (0.1 + 0.2, "0.3"),
    ],
)
def test_amounts_as_people_write_them(
    settings: Settings, inbox: Path, cell: Any, amount: str
) -> None:
    rows = [
        ["주문번호", "주문상태", "주문일시", "주문금액"],
        ["S1", "결제완료", "2026-10-04", cell],
    ]
    path = workbook(inbox / "shop" / "orders.xlsx", rows)
    with open_warehouse(settings) as warehouse:
        ingest.load(settings, warehouse, [path])
        (row,) = warehouse.fetch(f"select amount from {warehouse.relation('raw', 'shop_orders')}")
    assert row["amount"] == amount


def test_a_formula_gives_its_saved_value(take: Take, inbox: Path) -> None:
    path = workbook(inbox / "crm" / "a.xlsx", [CRM_HEADERS, line(1, 지역="=1+1")])
    saved = inbox / "crm" / "b.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(saved, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                data = data.replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>")
                data = data.replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>")
            new.writestr(name, data)
    rows, report = take(saved)
    assert [row[5] for row in rows] == ["2"]
    assert report.notes == ()


def test_formulas_without_a_saved_value_and_errors_are_said(take: Take, inbox: Path) -> None:
    path = workbook(
        inbox / "crm" / "a.xlsx",
        [CRM_HEADERS, line(1, 지역="=VLOOKUP(1,2,3)"), line(2, 지역="#N/A")],
    )
    rows, report = take(path)
    assert [row[5] for row in rows] == [None, None]
    assert any("1 formulas have no saved value" in note for note in report.notes)
    assert any("1 cells hold an Excel error" in note for note in report.notes)


@pytest.mark.parametrize("header", ["주민등록번호", "확인"])
def test_a_column_of_national_ids_stops_the_file(take: Take, inbox: Path, header: str) -> None:
    lines = [[*line(number), f"90010{number}-1234567"] for number in range(5)]
    rows, report = take(workbook(inbox / "crm" / "a.xlsx", [[*CRM_HEADERS, header], *lines]))
    assert (rows, report.status) == ([], "refused")
    assert "national id numbers" in str(report.skipped_reason)
    assert "1234567" not in f"{report.skipped_reason}{report.fix}"
    (explained,) = inbox.parent.glob("rejects/*")
    assert "주민등록번호가 있어" in (text := explained.read_text(encoding="utf-8-sig"))
    assert "1234567" not in text
