"""Loading an inbox into a real warehouse: what lands, what is handed back, what is refused."""

import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ingest_workspace import (
    CONSENT_HEADERS,
    CRM_HEADERS,
    GOOD_CUSTOMER,
    csv_bytes,
    customers,
    protected_workbook,
    put,
    workbook,
    workspace,
)
from madang import ingest
from madang.ingest.landing.land import LEDGER
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse

Load = Callable[..., ingest.LoadReport]
SECRET = "010-1999-999"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return workspace(tmp_path)


@pytest.fixture
def inbox(settings: Settings) -> Path:
    return settings.paths.inbox


@pytest.fixture
def load(settings: Settings) -> Load:
    def run(*paths: Path, **kwargs: Any) -> ingest.LoadReport:
        with open_warehouse(settings) as warehouse:
            return ingest.load(settings, warehouse, list(paths) or None, **kwargs)

    return run


def rows_of(settings: Settings, table: str) -> list[dict[str, Any]]:
    with open_warehouse(settings) as warehouse:
        if not warehouse.exists("raw", table):
            return []
        order = "loaded_at" if table == LEDGER else "_loaded_at, _row"
        return warehouse.fetch(f"from {warehouse.relation('raw', table)} order by {order}")


def rejects_of(report: ingest.LoadReport) -> list[dict[str, str]]:
    (path,) = report.rejects_files
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def customer(number: int, **changes: Any) -> list[Any]:
    row = dict(zip(CRM_HEADERS, GOOD_CUSTOMER, strict=True))
    row |= {"고객번호": f"C{number:06}", **changes}
    return list(row.values())


# --- what lands ---------------------------------------------------------------------------------


def test_a_marketers_workbook_lands_as_text_with_where_it_came_from(
    load: Load, settings: Settings, inbox: Path
) -> None:
    path = customers(
        inbox / "crm" / "고객_2026-10.xlsx",
        customer(1, 휴대폰=1012345678, 가입일=date(2026, 1, 2)),
        [None] * 7,
        customer(
            2,
            휴대폰="０１０－１２３４－５６７８",
            이메일=None,
            이름=" 이\u1106\u1161루\u3000",
            가입일="2026.10.06",
        ),
        ["합계", None, None, "2명"],
        title="2026년 10월 고객 명단",
    )
    report = load()
    assert report.exit_code == 0
    first, second = rows_of(settings, "crm_customers")
    assert {name: first[name] for name in ("customer_no", "phone", "registered_at")} == {
        "customer_no": "C000001",
        "phone": "1012345678",
        "registered_at": "2026-01-02",
    }
    assert (second["name"], second["phone"]) == ("이마루", "０１０－１２３４－５６７８")
    assert (second["email"], second["registered_at"]) == (None, "2026-10-06")
    assert (first["_row"], second["_row"]) == (4, 6)
    assert first["_file"] == "crm/고객_2026-10.xlsx"
    assert first["_sheet"] == "고객"
    assert len(first["_sha256"]) == 64
    (file,) = report.files
    assert (file.path, file.source, file.status) == (path, "crm.customers", "loaded")
    assert (file.sheet, file.rows, file.loaded, file.rejected) == ("고객", 2, 2, 0)


def test_each_source_of_the_inbox_lands_in_its_table(
    load: Load, settings: Settings, inbox: Path
) -> None:
    put(
        inbox / "consent" / "consent_log.csv",
        csv_bytes(
            [
                CONSENT_HEADERS,
                ["K1", "C1", "카카오톡", "마케팅", "수신동의", "2026-10-01 09:00"],
                ["K2", "C1", "email", "marketing", "withdrawn", "2026-10-02T09:00:00+09:00"],
            ],
            "cp949",
        ),
    )
    outcome = {
        "outcome_id": "O1",
        "product": "test_drive",
        "status": "visited",
        "occurred_at": "2026-10-03T10:00:00+09:00",
        "value": 35000.0,
    }
    put(inbox / "offline" / "outcomes.ndjson", json.dumps(outcome))
    order = (
        ["주문번호", "주문상태", "주문일시", "주문금액"],
        ["S1", "결제완료", "2026-10-04", "3백만원"],
    )
    put(inbox / "shop" / "orders_2026-10.csv", csv_bytes(order, "utf-8-sig"))
    report = load()
    assert (report.exit_code, report.rows) == (0, 4)
    grant, withdrawal = rows_of(settings, "consent_events")
    assert (grant["channel"], grant["purpose"], grant["status"], grant["occurred_at"]) == (
        "kakao",
        "marketing",
        "granted",
        "2026-10-01T09:00:00+09:00",
    )
    assert withdrawal["status"] == "withdrawn"
    (outcome_row,) = rows_of(settings, "offline_outcomes")
    assert (outcome_row["value"], outcome_row["_row"]) == ("35000", 1)
    (order_row,) = rows_of(settings, "shop_orders")
    assert (order_row["amount"], order_row["status"]) == ("3000000", "paid")


def test_headers_may_be_in_english_in_any_order_beside_columns_that_are_not_wanted(
    load: Load, settings: Settings, inbox: Path
) -> None:
    rows = [["메모", "E-MAIL", " Customer  Number "], ["vip?", "a@maru.example", "C1"]]
    put(inbox / "crm" / "list.csv", csv_bytes(rows))
    assert load().exit_code == 0
    (row,) = rows_of(settings, "crm_customers")
    assert (row["customer_no"], row["email"], row["phone"]) == ("C1", "a@maru.example", None)
    assert "vip?" not in row.values()


def test_every_visible_sheet_with_the_headers_is_read_and_the_rest_is_named(
    load: Load, settings: Settings, inbox: Path
) -> None:
    path = customers(inbox / "crm" / "a.xlsx", customer(1))
    book = openpyxl.load_workbook(path)
    for name, rows in {
        "11월": [CRM_HEADERS, customer(2)],
        "안내": [["이 파일은 예시입니다"]],
    }.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    (file,) = load().files
    assert (file.sheet, file.loaded) == ("고객, 11월", 2)
    assert [note for note in file.notes if "'안내'" in note]
    assert {row["_sheet"] for row in rows_of(settings, "crm_customers")} == {"고객", "11월"}
    assert {row["sheet"] for row in rows_of(settings, LEDGER)} == {"고객", "11월"}


@pytest.mark.parametrize(
    "name", ['Kim, "Maru"\nJr. \\ NULL', "a\r\nb", "a\rb", "a\n\nb", '"', '"a', "a\tb", "\\"]
)
def test_values_with_commas_quotes_and_line_breaks_arrive_whole(
    load: Load, settings: Settings, inbox: Path, name: str
) -> None:
    name = f"x{name}y"
    record = {"customer_no": "C1", "name": name, "region": "NULL"}
    put(inbox.parent / "crm" / "a.json", json.dumps([record, record]))
    load(inbox.parent / "crm" / "a.json")
    for row in rows_of(settings, "crm_customers"):
        landed = name.replace("\r\n", "\n").replace("\r", "\n")
        assert (row["name"], row["region"]) == (landed, "NULL")


def test_written_out_blanks_land_as_null_and_a_header_that_comes_again_is_no_row(
    load: Load, settings: Settings, inbox: Path
) -> None:
    rows = [customer(1, 휴대폰="-", 이메일="없음", 가입일="N/A"), CRM_HEADERS, customer(2)]
    customers(inbox / "crm" / "a.xlsx", *rows)
    assert load().exit_code == 0
    first, _ = rows_of(settings, "crm_customers")
    assert (first["phone"], first["email"], first["registered_at"]) == (None, None, None)


def test_files_go_in_the_order_of_their_names_so_the_last_is_the_newest(
    load: Load, settings: Settings, inbox: Path
) -> None:
    for month in ("2026-10", "2026-09"):
        customers(inbox / "crm" / f"list_{month}.xlsx", customer(1, 지역=month))
    steps: list[str] = []
    load(on_step=steps.append)
    assert steps == ["crm/list_2026-09.xlsx", "crm/list_2026-10.xlsx"]
    assert [row["region"] for row in rows_of(settings, "crm_customers")] == ["2026-09", "2026-10"]


# --- rows that cannot be read -------------------------------------------------------------------


def test_an_unreadable_phone_or_date_is_handed_back_in_both_languages_and_good_rows_load(
    load: Load, settings: Settings, inbox: Path
) -> None:
    rows = [customer(number) for number in range(1, 11)]
    rows[2] = customer(3, 휴대폰=SECRET)
    rows[5] = customer(6, 휴대폰="1.01E+10", 가입일="2026-13-40")
    customers(inbox / "crm" / "list.xlsx", *rows, title="고객 명단")
    report = load()
    assert report.exit_code == 3
    assert (report.files[0].loaded, report.files[0].rejected, report.rejected) == (8, 2, 2)
    landed = {row["customer_no"] for row in rows_of(settings, "crm_customers")}
    assert landed == {f"C{number:06}" for number in range(1, 11)} - {"C000003", "C000006"}

    phone, lost, day = rejects_of(report)
    assert phone == {
        "파일 / file": "crm/list.xlsx",
        "시트 / sheet": "고객",
        "행 / row": "6",
        "열 / column": "휴대폰 (phone)",
        "값 / value": SECRET,
        "문제 / problem (ko)": "완전한 전화번호 하나가 아닙니다.",
        "문제 / problem (en)": "This is not one complete phone number.",
        "고치는 법 / how to fix (ko)": "010-0000-0000 또는 +82 10 0000 0000처럼 번호 하나만 쓰고, "
        "모르면 비워 두세요.",
        "고치는 법 / how to fix (en)": "Write one number, such as 010-0000-0000 or "
        "+82 10 0000 0000; leave it empty if unknown.",
    }
    assert (lost["행 / row"], lost["값 / value"]) == ("9", "1.01E+10")
    assert "뒷자리가 사라졌습니다" in lost["문제 / problem (ko)"]
    assert "last digits are gone" in lost["문제 / problem (en)"]
    assert (day["열 / column"], day["값 / value"]) == ("가입일 (registered_at)", "2026-13-40")
    assert "존재하지 않는 날짜" in day["문제 / problem (ko)"]
    assert "not a date that exists" in day["문제 / problem (en)"]
    (path,) = report.rejects_files
    assert path.parent == settings.paths.rejects
    assert path.name == f"list__{report.load_id}.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")


def test_values_of_people_stand_in_the_rejects_file_and_nowhere_else(
    load: Load, settings: Settings, inbox: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [customer(number) for number in range(1, 11)]
    rows[0] = customer(1, 휴대폰=SECRET, 이메일="mina-at-maru")
    customers(inbox / "crm" / "list.xlsx", *rows)
    report = load(on_step=print)
    for said in (str(report), "".join(capfd.readouterr()), str(rows_of(settings, LEDGER))):
        assert SECRET not in said
        assert "mina-at-maru" not in said
    assert {(group.column, group.code, group.rows) for group in report.problems} == {
        ("phone", "phone_unreadable", 1),
        ("email", "email_unreadable", 1),
    }


def test_a_missing_required_value_rejects_its_row(load: Load, inbox: Path) -> None:
    rows = [customer(number) for number in range(1, 11)]
    rows[4][0] = None
    customers(inbox / "crm" / "list.xlsx", *rows)
    (reject,) = rejects_of(load())
    assert (reject["행 / row"], reject["열 / column"]) == ("6", "고객번호 (customer_no)")
    assert reject["문제 / problem (ko)"] == "필수 값인데 셀이 비어 있습니다."


def test_an_unknown_choice_names_the_values_that_may_stand_there(load: Load, inbox: Path) -> None:
    good = [[f"K{n}", "C1", "sms", "marketing", "Y", "2026-10-01 09:00"] for n in range(9)]
    bad = ["K9", "C1", "fax", "marketing", "Y", "2026-10-01 09:00"]
    put(inbox / "consent" / "log.csv", csv_bytes([CONSENT_HEADERS, *good, bad]))
    (reject,) = rejects_of(load())
    assert reject["값 / value"] == "fax"
    assert "email, kakao, push, sms" in reject["고치는 법 / how to fix (ko)"]


def test_a_value_that_excel_would_compute_is_defused_in_the_rejects_file(
    load: Load, inbox: Path
) -> None:
    rows = [customer(number) for number in range(1, 11)]
    put(inbox / "crm" / "a.csv", csv_bytes([CRM_HEADERS, *rows, customer(11, 휴대폰="=1+cmd|x")]))
    (reject,) = rejects_of(load())
    assert reject["값 / value"] == "'=1+cmd|x"


def test_a_bare_comma_that_shifts_a_row_is_noticed(load: Load, inbox: Path) -> None:
    lines = ["주문번호,주문상태,주문일시,금액"]
    lines += [f"S{number},paid,2026-10-01,5000" for number in range(9)]
    put(inbox / "shop" / "orders.csv", "\n".join([*lines, "S9,paid,2026-10-01,12,000"]))
    (reject,) = rejects_of(load())
    assert reject["행 / row"] == "11"
    assert "bare comma" in reject["문제 / problem (en)"]


def test_rows_below_the_total_are_handed_back_and_notes_there_are_not(
    load: Load, inbox: Path
) -> None:
    rows = [customer(number) for number in range(1, 11)]
    tail = [["합 계 (10명)"], customer(11), [None, "작성자: 마케팅팀"]]
    customers(inbox / "crm" / "a.xlsx", *rows, *tail)
    report = load()
    (reject,) = rejects_of(report)
    assert report.files[0].loaded == 10
    assert reject["행 / row"] == "13"
    assert "below the total row" in reject["문제 / problem (en)"]


def test_a_broken_json_line_is_handed_back_with_its_line(load: Load, inbox: Path) -> None:
    good = {"product": "charger", "status": "installed", "occurred_at": "2026-10-01T09:00:00Z"}
    lines = [json.dumps({"outcome_id": f"O{number}", **good}) for number in range(9)]
    put(inbox / "offline" / "outcomes.ndjson", "\n".join([*lines, '{"outcome_id": "O9"']))
    report = load()
    (reject,) = rejects_of(report)
    assert (report.files[0].loaded, reject["행 / row"]) == (9, "10")
    assert reject["값 / value"] == '{"outcome_id": "O9"'
    assert reject["문제 / problem (ko)"] == "이 줄은 JSON 객체가 아닙니다."


def test_a_customer_who_stands_twice_in_a_snapshot_is_said(load: Load, inbox: Path) -> None:
    customers(inbox / "crm" / "a.xlsx", customer(1), customer(2), customer(1))
    report = load()
    assert report.exit_code == 0
    assert any("1 rows repeat the key (customer_no)" in note for note in report.files[0].notes)


def test_too_many_bad_rows_hold_the_whole_file_and_are_still_listed(
    load: Load, settings: Settings, inbox: Path
) -> None:
    rows = [customer(number, 휴대폰=SECRET if number <= 3 else None) for number in range(1, 11)]
    customers(inbox / "crm" / "a.xlsx", *rows)
    report = load()
    (file,) = report.files
    assert (file.status, file.rows, file.loaded, file.rejected) == ("held", 10, 0, 3)
    assert "3 of 10 rows (30%)" in str(file.skipped_reason)
    assert "allows 20%" in str(file.skipped_reason)
    assert len(rejects_of(report)) == 3
    assert rows_of(settings, "crm_customers") == []
    assert report.exit_code == 1


def test_the_share_of_bad_rows_that_holds_a_file_is_a_setting(tmp_path: Path) -> None:
    settings = workspace(tmp_path, "load: {max_reject_share: 0.3}\n")
    rows = [customer(number, 휴대폰=SECRET if number <= 3 else None) for number in range(1, 11)]
    customers(settings.paths.inbox / "crm" / "a.xlsx", *rows)
    with open_warehouse(settings) as warehouse:
        report = ingest.load(settings, warehouse)
    assert (report.files[0].status, report.rows, report.exit_code) == ("loaded", 7, 3)


# --- files that are refused ---------------------------------------------------------------------


def refused(load: Load) -> ingest.FileReport:
    report = load()
    (file,) = report.files
    assert file.status in ("refused", "unmatched")
    assert (file.loaded, report.rejects_files, report.exit_code) == (0, [], 1)
    return file


def test_a_workbook_without_the_required_header_says_what_was_looked_for_and_found(
    load: Load, settings: Settings, inbox: Path
) -> None:
    headers = ["고객번호표", *CRM_HEADERS[1:]]
    workbook(inbox / "crm" / "a.xlsx", [headers, GOOD_CUSTOMER], title="명단")
    file = refused(load)
    reason = str(file.skipped_reason)
    assert "The required column 'customer_no' is missing" in reason
    assert "'고객번호'" in reason
    assert "'회원번호'" in reason
    assert "Did you mean '고객번호표'?" in reason
    assert "Headers found: '고객번호표', '이름', '휴대폰'" in reason
    assert "models/staging/crm/_crm__sources.yml" in str(file.fix)
    assert rows_of(settings, "crm_customers") == []


def test_a_file_without_any_header_is_refused_without_showing_its_rows(
    load: Load, inbox: Path
) -> None:
    workbook(inbox / "crm" / "a.xlsx", [GOOD_CUSTOMER, customer(2)])
    file = refused(load)
    said = f"{file.skipped_reason} {file.fix}"
    assert "No header row was found for crm.customers" in said
    assert "고객번호" in said
    for value in GOOD_CUSTOMER:
        assert value not in said


def test_a_sheet_that_is_meant_but_lacks_a_required_header_is_not_skipped_in_silence(
    load: Load, inbox: Path
) -> None:
    path = customers(inbox / "crm" / "a.xlsx", customer(1))
    book = openpyxl.load_workbook(path)
    sheet = book.create_sheet("11월")
    sheet.append(["번호", *CRM_HEADERS[1:]])
    sheet.append(customer(2))
    book.save(path)
    assert "'customer_no' is missing" in str(refused(load).skipped_reason)


def test_one_column_under_two_headers_is_refused(load: Load, inbox: Path) -> None:
    rows = [["고객번호", "휴대폰", "연락처"], ["C1", "010-1234-5678", "02-155-1234"]]
    put(inbox / "crm" / "a.csv", csv_bytes(rows))
    assert "both 'phone': '휴대폰' and '연락처'" in str(refused(load).skipped_reason)


def test_a_workbook_with_a_password_is_refused(load: Load, inbox: Path) -> None:
    put(inbox / "crm" / "a.xlsx", protected_workbook())
    file = refused(load)
    assert "protected with a password" in str(file.skipped_reason)
    assert "remove the password" in str(file.fix)


@pytest.mark.parametrize("rows", [[], [[None, None]]])
def test_an_empty_workbook_is_refused(load: Load, inbox: Path, rows: list[list[Any]]) -> None:
    workbook(inbox / "crm" / "a.xlsx", rows)
    assert "empty" in str(refused(load).skipped_reason)


def test_an_empty_file_is_refused(load: Load, inbox: Path) -> None:
    put(inbox / "consent" / "a.csv", b"")
    assert "empty" in str(refused(load).skipped_reason)


def test_a_snapshot_of_headers_only_is_refused_but_a_log_of_headers_only_is_a_quiet_day(
    load: Load, inbox: Path
) -> None:
    put(inbox / "consent" / "a.csv", csv_bytes([CONSENT_HEADERS]))
    report = load()
    assert (report.exit_code, report.rows) == (0, 0)
    assert report.files[0].notes == ("The file has a header but no rows.",)
    customers(inbox / "crm" / "a.xlsx")
    consent, crm = load().files
    assert (consent.status, crm.status) == ("loaded", "refused")
    assert "nobody is left" in str(crm.skipped_reason)


@pytest.mark.parametrize("header", ["주민등록번호", "주민번호 *", "주민등록번호(앞6자리)"])
def test_a_column_of_national_ids_refuses_the_file(load: Load, inbox: Path, header: str) -> None:
    put(inbox / "crm" / "a.csv", csv_bytes([["고객번호", "이름", header], ["C1", "김", "1"]]))
    file = refused(load)
    assert "national id numbers (주민등록번호)" in str(file.skipped_reason)
    assert "Delete the column" in str(file.fix)


def test_national_ids_under_another_name_refuse_the_file_too(load: Load, inbox: Path) -> None:
    rows = [[f"C{n}", "김", f"90010{n}-1000000"] for n in range(1, 4)] + [["C4", "이", None]]
    put(inbox / "crm" / "a.csv", csv_bytes([["고객번호", "이름", "비고"], *rows]))
    reason = str(refused(load).skipped_reason)
    assert "'비고' holds national id numbers" in reason
    assert "900101" not in reason


def test_a_single_national_id_in_a_text_rejects_its_row_and_is_masked(
    load: Load, inbox: Path
) -> None:
    rows = [customer(number) for number in range(1, 11)]
    rows[0] = customer(1, 지역="900101-1000000")
    customers(inbox / "crm" / "a.xlsx", *rows)
    (reject,) = rejects_of(load())
    assert reject["값 / value"] == "900101-*******"


def test_a_bad_file_does_not_stop_the_others(load: Load, settings: Settings, inbox: Path) -> None:
    put(inbox / "crm" / "a.xlsx", protected_workbook())
    customers(inbox / "crm" / "b.xlsx", customer(1))
    report = load()
    assert [file.status for file in report.files] == ["refused", "loaded"]
    assert report.exit_code == 3
    assert len(rows_of(settings, "crm_customers")) == 1


# --- which files --------------------------------------------------------------------------------


def test_a_missing_inbox_says_what_to_create(load: Load, inbox: Path) -> None:
    inbox.rmdir()
    with pytest.raises(ingest.LoadError, match="no inbox folder") as caught:
        load()
    assert caught.value.where == str(inbox)
    assert "paths.inbox" in str(caught.value.fix)


def test_an_inbox_without_files_is_an_error_and_debris_is_no_file(load: Load, inbox: Path) -> None:
    put(inbox / "crm" / "~$list.xlsx", b"x")
    put(inbox / ".DS_Store", b"x")
    put(inbox / "crm" / "list.xlsx.crdownload", b"x")
    with pytest.raises(ingest.LoadError, match="no file to load"):
        load()


def test_a_named_path_that_is_not_there_is_an_error(load: Load, inbox: Path) -> None:
    with pytest.raises(ingest.LoadError, match="no such file"):
        load(inbox / "crm" / "list.xlsx")


def test_a_file_that_belongs_to_no_source_is_reported(load: Load, inbox: Path) -> None:
    customers(inbox / "crm" / "list.xlsx", customer(1))
    put(inbox / "consnet" / "log.csv", csv_bytes([CONSENT_HEADERS]))
    put(inbox / "shop" / "export.csv", b"a,b\n")
    report = load()
    wrong_folder, _, wrong_name = report.files
    assert (wrong_folder.status, wrong_name.status) == ("unmatched", "unmatched")
    assert "Did you mean 'consent'?" in str(wrong_folder.fix)
    assert "shop/orders*.csv" in str(wrong_name.fix)
    assert report.exit_code == 3


def test_a_star_does_not_reach_into_sub_folders(load: Load, inbox: Path) -> None:
    customers(inbox / "crm" / "old" / "list.xlsx", customer(1))
    assert refused(load).status == "unmatched"


def test_a_file_outside_the_inbox_is_matched_by_folder_or_by_name(
    load: Load, tmp_path: Path
) -> None:
    by_folder = customers(tmp_path / "downloads" / "crm" / "list.xlsx", customer(1))
    rows = [["주문번호", "주문상태", "주문일시", "금액"], ["S1", "결제", "2026-10-01", "5,000"]]
    by_name = put(tmp_path / "downloads" / "Orders_10.csv", csv_bytes(rows))
    neither = put(tmp_path / "downloads" / "list.csv", csv_bytes(rows))
    report = load(by_folder, by_name, neither)
    assert {file.path.name: file.source for file in report.files} == {
        "list.xlsx": "crm.customers",
        "Orders_10.csv": "shop.orders",
        "list.csv": None,
    }
    (unclear,) = [file for file in report.files if file.path == neither]
    assert "several sources" in str(unclear.skipped_reason)


def test_a_decomposed_file_name_is_the_same_name(load: Load, inbox: Path) -> None:
    rows = [["주문번호", "주문상태", "주문일시", "금액"], ["S1", "결제", "2026-10-01", "5,000"]]
    decomposed = "\u110c\u116e\u1106\u116e\u11ab_10.csv"  # 주문_10.csv as macOS stores it
    put(inbox / "shop" / decomposed, csv_bytes(rows))
    assert load().rows == 1


# --- the same file twice ------------------------------------------------------------------------


def test_the_same_file_again_is_skipped_and_said_so_under_any_name(
    load: Load, settings: Settings, inbox: Path
) -> None:
    path = customers(inbox / "crm" / "a.xlsx", customer(1))
    load()
    put(inbox / "crm" / "b.xlsx", path.read_bytes())
    report = load()
    assert [file.status for file in report.files] == ["already loaded"] * 2
    assert "already loaded on 20" in str(report.files[1].skipped_reason)
    assert "crm/a.xlsx" in str(report.files[1].skipped_reason)
    assert (report.exit_code, report.rows) == (0, 0)
    assert len(rows_of(settings, "crm_customers")) == len(rows_of(settings, LEDGER)) == 1


def test_two_copies_in_one_load_land_once(load: Load, settings: Settings, inbox: Path) -> None:
    path = customers(inbox / "crm" / "a.xlsx", customer(1))
    put(inbox / "crm" / "b.xlsx", path.read_bytes())
    assert [file.status for file in load().files] == ["loaded", "already loaded"]
    assert len(rows_of(settings, "crm_customers")) == 1


def test_a_repeated_file_still_tells_of_the_rows_that_were_rejected(
    load: Load, inbox: Path
) -> None:
    rows = [customer(number, 휴대폰=SECRET if number == 1 else None) for number in range(1, 11)]
    customers(inbox / "crm" / "a.xlsx", *rows)
    rejects = load().rejects_files[0].name
    assert f"1 rows were rejected then ({rejects})" in str(load().files[0].skipped_reason)


def test_a_load_cut_off_between_rows_and_ledger_neither_doubles_nor_loses_anything(
    load: Load, settings: Settings, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers(inbox / "crm" / "a.xlsx", customer(1), customer(2))

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("madang.ingest.one_file.record", cut_off)
        with pytest.raises(KeyboardInterrupt):
            load()
    assert len(rows_of(settings, "crm_customers")) == 2
    assert rows_of(settings, LEDGER) == []
    assert load().files[0].status == "already loaded"
    assert len(rows_of(settings, "crm_customers")) == 2
    (healed,) = rows_of(settings, LEDGER)
    assert (healed["file"], healed["loaded"]) == ("crm/a.xlsx", 2)
    load()
    assert len(rows_of(settings, LEDGER)) == 1


def test_a_held_file_is_read_again_until_it_is_corrected(load: Load, inbox: Path) -> None:
    path = customers(inbox / "crm" / "a.xlsx", customer(1, 휴대폰=SECRET))
    assert load().files[0].status == "held"
    assert load().files[0].status == "held"
    customers(path, customer(1))
    assert load().files[0].status == "loaded"


def test_a_table_that_dbt_created_empty_takes_the_rows(
    load: Load, settings: Settings, inbox: Path
) -> None:
    with open_warehouse(settings) as warehouse:
        warehouse.ensure_layer("raw")
        warehouse.execute(
            f"create table {warehouse.relation('raw', 'crm_customers')} (customer_no varchar, "
            "name varchar, phone varchar, email varchar, tier varchar, region varchar, "
            "registered_at varchar, _file varchar, _sheet varchar, _row bigint, "
            "_sha256 varchar, _loaded_at timestamp)"
        )
    customers(inbox / "crm" / "a.xlsx", customer(1))
    assert load().exit_code == 0
    (row,) = rows_of(settings, "crm_customers")
    assert (row["customer_no"], row["_row"]) == ("C000001", 2)
