"""Silence is a fault: what a load says of ignored columns, refused files, repeated keys, lists."""

import csv
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ingest_workspace import CRM_HEADERS, GOOD_CUSTOMER, csv_bytes, customers, put, workspace
from madang import ingest
from madang.ingest.errors import Reason
from madang.ingest.landing.refusals import KOREAN, in_korean
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse

Load = Callable[[], ingest.LoadReport]
ORDER_HEADERS = ["주문번호", "주문상태", "주문일시", "금액"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return workspace(tmp_path)


@pytest.fixture
def inbox(settings: Settings) -> Path:
    return settings.paths.inbox


@pytest.fixture
def load(settings: Settings) -> Load:
    def run() -> ingest.LoadReport:
        with open_warehouse(settings) as warehouse:
            return ingest.load(settings, warehouse)

    return run


def column(settings: Settings, table: str, name: str) -> list[Any]:
    with open_warehouse(settings) as warehouse:
        if not warehouse.exists("raw", table):
            return []
        relation = warehouse.relation("raw", table)
        rows = warehouse.fetch(f"select {name} from {relation} order by _row")
    return [row[name] for row in rows]


def cells_of(path: Path | None) -> list[list[str]]:
    assert path is not None
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def customer(number: int, **changes: Any) -> list[Any]:
    row = dict(zip(CRM_HEADERS, GOOD_CUSTOMER, strict=True))
    return list((row | {"고객번호": f"C{number:06}"} | changes).values())


def orders(*rows: list[str], headers: list[str] = ORDER_HEADERS) -> bytes:
    return csv_bytes([headers, *rows])


# --- what was left aside ------------------------------------------------------------------------


def test_columns_without_a_mapping_are_named_and_kept_in_the_ledger(
    load: Load, settings: Settings, inbox: Path
) -> None:
    headers = [*ORDER_HEADERS, "선물 메시지", "", "배송지"]
    put(inbox / "shop/orders.csv", orders(["S1", "결제완료", "2026-10-05", "5000", "", "", ""],
                                          headers=headers))  # fmt: skip
    (file,) = load().files
    assert file.ignored == ("선물 메시지", "배송지")
    assert any("not read: '선물 메시지', '배송지'" in note for note in file.notes)
    with open_warehouse(settings) as warehouse:
        (entry,) = warehouse.fetch(f"from {warehouse.relation('raw', '_files')}")
    assert json.loads(entry["ignored_columns"]) == ["선물 메시지", "배송지"]


def test_a_file_whose_columns_are_all_known_says_nothing_of_columns(
    load: Load, inbox: Path
) -> None:
    put(inbox / "shop/orders.csv", orders(["S1", "결제완료", "2026-10-05", "5000"]))
    (file,) = load().files
    assert (file.ignored, file.notes) == ((), ())


@pytest.mark.parametrize(
    ("name", "table", "headers", "row"),
    [
        ("shop/orders.csv", "shop_orders", ORDER_HEADERS, ["S1", "취소완료", "2026-10-01", "5000"]),
        ("offline/a.csv", "offline_outcomes", ["결과번호", "상품", "상태", "일시"],
         ["R1", "충전기", "취소", "2026-10-01"]),
    ],
)  # fmt: skip
def test_the_day_of_a_cancellation_is_known(
    load: Load, settings: Settings, inbox: Path, name: str, table: str, headers: list[str],
    row: list[str],
) -> None:  # fmt: skip
    put(inbox / name, csv_bytes([[*headers, "취소일"], [*row, "26.10.5"]]))
    (file,) = load().files
    assert (file.status, file.ignored) == ("loaded", ())
    assert column(settings, table, "cancelled_at") == ["2026-10-05T00:00:00+09:00"]


# --- what was refused ---------------------------------------------------------------------------


def test_all_that_is_wrong_with_a_header_is_said_at_once_and_explained_in_a_file(
    load: Load, inbox: Path
) -> None:
    headers = ["주문번호", "주문 ID", "주문상태", "날짜", "주민등록번호"]
    put(inbox / "shop/orders.csv", csv_bytes([headers, ["S1", "S1", "결제", "2026-10-05", ""]]))
    (file,) = load().files
    assert file.status == "refused"
    reason = str(file.skipped_reason)
    for said in (
        "both 'order_id'",
        "'ordered_at' is missing",
        "'amount' is missing",
        "주민등록번호",
    ):
        assert said in reason
    (head, *lines) = cells_of(file.refusal_file)
    korean, english = head.index("문제 / problem (ko)"), head.index("문제 / problem (en)")
    assert len(lines) == 5  # the fifth names the headers found
    assert "필수 열 'ordered_at'이(가) 없습니다" in " ".join(line[korean] for line in lines)
    assert "\n".join(line[english] for line in lines) == reason
    assert all(line[head.index("파일 / file")] == "shop/orders.csv" for line in lines)


def test_a_file_that_is_refused_again_for_the_same_is_explained_once(
    load: Load, inbox: Path
) -> None:
    put(inbox / "shop/orders.csv", b"")
    put(inbox / "unknown/a.csv", b"a,b\n1,2\n")
    first, second = load(), load()
    assert first.refusal_files == second.refusal_files
    assert [file.status for file in first.files] == ["refused", "unmatched"]
    told = [cells_of(path)[1][5] for path in first.refusal_files]
    assert told == ["파일이 비어 있습니다.", "어느 소스의 파일인지 알 수 없습니다."]


def test_every_refusal_has_korean_words() -> None:
    for begin, (korean, fix) in KOREAN.items():
        found = in_korean(Reason(f"{begin} and more", fix_en="Do it."))
        assert (found.korean, found.fix_ko) == (korean, fix)
    assert "적재하지 않았습니다" in in_korean(Reason("Something new.")).korean


def test_a_value_outside_a_list_is_answered_in_the_words_of_the_file(
    load: Load, inbox: Path
) -> None:
    good = [[f"S{number}", "결제완료", "2026-10-05", "5000"] for number in range(20)]
    put(inbox / "shop/orders.csv", orders(*good, ["S20", "배송중", "2026-10-05", "5000"]))
    (file,) = load().files
    head, line = cells_of(file.rejects_file)
    fix = line[head.index("고치는 법 / how to fix (ko)")]
    for word in ("결제완료", "입금완료", "취소", "환불완료", "paid"):
        assert word in fix
    assert line[head.index("고치는 법 / how to fix (en)")].startswith(
        "Use one of: cancelled, paid, refunded."
    )


def test_rows_that_repeat_a_key_are_named(load: Load, inbox: Path) -> None:
    customers(inbox / "crm/a.xlsx", customer(1), customer(2), customer(1), customer(3), customer(2))
    (file,) = load().files
    (note,) = (note for note in file.notes if "repeat the key" in note)
    assert note.startswith("2 rows repeat the key (customer_no)")
    assert "rows 고객 2, 고객 4; 고객 3, 고객 6" in note
    assert "C000001" not in note
    (listed,) = inbox.parent.glob("rejects/*__repeated.csv")
    assert cells_of(listed)[1:] == [
        ["C000001", "고객 2, 고객 4"],
        ["C000002", "고객 3, 고객 6"],
    ]


# --- what cells mean ----------------------------------------------------------------------------


def dates_workbook(path: Path, *cells: Any) -> None:
    """Customers whose days of registration are these cells."""
    rows = [customer(number, 가입일=cell) for number, cell in enumerate(cells)]
    customers(path, *rows)
    book = openpyxl.load_workbook(path)
    for cell in book.active["G"][1:]:
        cell.number_format = "yyyy-mm-dd"
    book.save(path)


def test_a_cell_seconds_before_midnight_is_the_day_that_was_written(
    load: Load, settings: Settings, inbox: Path
) -> None:
    """A library of websites makes 23:59:08 of midnight in Seoul; the end of a day stays."""
    dates_workbook(
        inbox / "crm/a.xlsx",
        46300.999398148,
        46301,
        datetime(2026, 10, 5, 23, 59, 8),
        datetime(2026, 10, 5, 23, 59, 59),
        datetime(2026, 10, 5, 23, 58, 59),
        datetime(2026, 12, 31, 23, 59, 8),
    )
    load()
    wanted = ["2026-10-06", "2026-10-06", "2026-10-06", "2026-10-05", "2026-10-05", "2027-01-01"]
    assert column(settings, "crm_customers", "registered_at") == wanted


@pytest.mark.parametrize("day", [date(9999, 12, 31), date(2101, 1, 1)])
def test_a_day_outside_of_the_calendar_has_one_outcome_in_a_workbook_and_a_csv(
    load: Load, settings: Settings, inbox: Path, day: date
) -> None:
    good = [customer(number, 가입일="2026-01-02") for number in range(1, 31)]
    dates_workbook(inbox / "crm/a.xlsx", *[date(2026, 1, 2)] * 30, day)
    put(inbox / "crm/b.csv", csv_bytes([CRM_HEADERS, *good, customer(99, 가입일=day.isoformat())]))
    report = load()
    assert [(file.loaded, file.rejected) for file in report.files] == [(30, 1), (30, 1)]
    assert [(one.code, one.rows) for one in report.problems] == [("date_out_of_range", 2)]


def test_whole_numbers_of_json_keep_all_their_digits(
    load: Load, settings: Settings, inbox: Path
) -> None:
    at = {"status": "paid", "ordered_at": "2026-10-06T10:00:00+09:00", "amount": 5000}
    ids = [2026100612345671, 2026100612345672, 12345678901234567890123]
    lines = [json.dumps({"order_id": number, **at}) for number in ids]
    put(inbox / "shop/orders.ndjson", "\n".join(lines))
    assert load().exit_code == 0
    assert column(settings, "shop_orders", "order_id") == [str(number) for number in ids]


def test_a_float_with_as_many_digits_stays_a_reject(load: Load, inbox: Path) -> None:
    at = '"status": "paid", "ordered_at": "2026-10-06", "amount": 5'
    lines = [f'{{"order_id": "S{number}", {at}}}' for number in range(30)]
    lines.append(f'{{"order_id": 2026100612345671.0, {at}}}')
    put(inbox / "shop/orders.ndjson", "\n".join(lines))
    assert [(one.code, one.rows) for one in load().problems] == [("digits_lost", 1)]


def test_nan_is_an_empty_cell_and_infinity_a_reject(
    load: Load, settings: Settings, inbox: Path
) -> None:
    at = '"product": "charger", "status": "installed", "occurred_at": "2026-10-06"'
    lines = [f'{{"outcome_id": "R{number}", {at}, "value": 5}}' for number in range(30)]
    lines += [
        f'{{"outcome_id": "R90", {at}, "value": NaN, "application_id": NaN}}',
        f'{{"outcome_id": "R91", {at}, "value": Infinity}}',
        f'{{"outcome_id": "R92", {at}, "value": "{"9" * 400}"}}',
    ]
    put(inbox / "offline/a.ndjson", "\n".join(lines))
    found = {(one.code, one.rows) for one in load().problems}
    assert found == {("amount_unreadable", 1), ("number_too_large", 1)}
    assert column(settings, "offline_outcomes", "value")[-1] is None
    assert column(settings, "offline_outcomes", "application_id")[-1] is None


def loaded_days(load: Load, settings: Settings, inbox: Path, days: list[str]) -> list[str]:
    rows = [customer(number, 가입일=day) for number, day in enumerate(days)]
    put(inbox / "crm/a.csv", csv_bytes([CRM_HEADERS, *rows]))
    load()
    return column(settings, "crm_customers", "registered_at")


@pytest.mark.parametrize(
    ("shown", "wanted"), [("25/10/2026", "2026-10-05"), ("10/25/2026", "2026-05-10")]
)
def test_the_column_shows_whether_day_or_month_stands_first(
    load: Load, settings: Settings, inbox: Path, shown: str, wanted: str
) -> None:
    days = ["05/10/2026"] * 20 + [shown]
    assert loaded_days(load, settings, inbox, days) == [wanted] * 20 + ["2026-10-25"]


@pytest.mark.parametrize("days", [["05/10/2026"], ["05/10/26"], ["05/10/26", "13/10/26"]])
def test_days_whose_order_nothing_shows_are_refused(
    load: Load, settings: Settings, inbox: Path, days: list[str]
) -> None:
    good = ["2026-10-05"] * 60
    assert loaded_days(load, settings, inbox, good + days) == good


def test_days_in_two_orders_are_none_of_them_sure(
    load: Load, settings: Settings, inbox: Path
) -> None:
    days = ["2026-10-05"] * 60 + ["05/10/2026", "25/10/2026", "10/26/2026"]
    wanted = ["2026-10-05"] * 60 + ["2026-10-25", "2026-10-26"]
    assert loaded_days(load, settings, inbox, days) == wanted


def test_a_later_contradiction_refuses_the_file(
    load: Load, settings: Settings, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("madang.ingest.checks.rows.BATCH", 10)
    days = ["25/10/2026", *["05/10/2026"] * 20, "10/26/2026"]
    assert loaded_days(load, settings, inbox, days) == []
    (file,) = load().files
    assert "day first, others month first" in str(file.skipped_reason)


def test_two_digit_years_stand_first_where_a_column_shows_it(
    load: Load, settings: Settings, inbox: Path
) -> None:
    days = ["85.03.02", "05.10.12", "26.10.5"]
    wanted = ["1985-03-02", "2005-10-12", "2026-10-05"]
    assert loaded_days(load, settings, inbox, days) == wanted


# --- national id numbers ------------------------------------------------------------------------

HIDDEN = [
    "my number is 900101-1234567 please",
    "9001011234567",
    "900101–1234567",
    "９００１０１－１２３４５６７",
    "번호는 900101 - 5234567 입니다",
    "900101\u200b-12\u200b34567",
]


def test_national_ids_anywhere_in_a_text_stop_the_row_and_are_masked(
    load: Load, settings: Settings, inbox: Path
) -> None:
    at = "2026-10-06T14:30:00+09:00"
    good = [[f"R{number}", "charger", "installed", at, "plain"] for number in range(200)]
    bad = [[f"B{at_}", "charger", "installed", at, text] for at_, text in enumerate(HIDDEN)]
    wrong = ["B9", "charger", "installed", "주민 900101-1234567 번", "x"]
    headers = ["outcome_id", "product", "status", "occurred_at", "reason"]
    put(inbox / "offline/a.csv", csv_bytes([headers, *good, *bad, wrong]))
    (file,) = load().files
    assert (file.loaded, file.rejected) == (200, len(HIDDEN) + 1)
    assert set(column(settings, "offline_outcomes", "reason")) == {"plain"}
    text = "".join(cell for line in cells_of(file.rejects_file) for cell in line)
    assert "234567" not in text and "２３４５６７" not in text
    assert "주민 900101-******* 번" in text


@pytest.mark.parametrize("first", [2610050000001, 1759728600000, 8801234500000, 5000000000000])
def test_order_numbers_and_timestamps_of_13_digits_load(
    load: Load, settings: Settings, inbox: Path, first: int
) -> None:
    numbers = [str(first + 7919 * number) for number in range(3000)]
    put(inbox / "shop/orders.csv", orders(*([no, "paid", "2026-10-05", "1"] for no in numbers)))
    assert load().exit_code == 0
    assert column(settings, "shop_orders", "order_id") == numbers


# --- signs that nobody sees ---------------------------------------------------------------------


def test_invisible_signs_tell_no_two_identifiers_apart(
    load: Load, settings: Settings, inbox: Path
) -> None:
    rows = [
        customer(1, 고객번호="C000\u200b123", 이메일="k\u200bim@maru.example"),
        customer(2, 고객번호="\u202aC000124\u202c", 이메일="'choi@maru.example'"),
        customer(3, 고객번호="C\ufe0f000\u3164125", 이메일="\u202apark@maru.example\u202c"),
    ]
    rows[0][2] = "010-12\u206034-5678"
    rows[1][1] = "가\u200c나"
    put(inbox / "crm/a.csv", csv_bytes([["고\u200b객번호", *CRM_HEADERS[1:]], *rows]))
    assert load().exit_code == 0
    assert column(settings, "crm_customers", "customer_no") == ["C000123", "C000124", "C000125"]
    mails = ["kim@maru.example", "choi@maru.example", "park@maru.example"]
    assert column(settings, "crm_customers", "email") == mails
    assert column(settings, "crm_customers", "phone")[0] == "010-1234-5678"
    assert column(settings, "crm_customers", "name")[1] == "가\u200c나"  # joiners shape letters


@pytest.mark.parametrize("sign", ["\x07", "\x1a", "\x00", "\x9f", "\ufffd"])
@pytest.mark.parametrize("header", ["고객번호", "이메일", "휴대폰", "이름"])
def test_control_characters_and_lost_signs_are_rejects(
    load: Load, inbox: Path, header: str, sign: str
) -> None:
    whole = dict(zip(CRM_HEADERS, GOOD_CUSTOMER, strict=True))[header]
    bad = customer(99, **{header: f"{whole[:3]}{sign}{whole[3:]}" if len(whole) > 3 else
                          f"{whole[0]}{sign}{whole[1:]}"})  # fmt: skip
    good = [customer(number) for number in range(30)]
    put(inbox / "crm/a.csv", csv_bytes([CRM_HEADERS, *good, bad]))
    report = load()
    assert [(one.code, one.rows) for one in report.problems] == [("sign_damaged", 1)]
    (path,) = report.rejects_files
    assert sign == "\ufffd" or sign not in path.read_text(encoding="utf-8-sig")
