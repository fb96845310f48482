"""Each column type: what it reads, in which spelling it lands, and what it refuses and why."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from madang.ingest.checks import problems
from madang.ingest.checks.national_ids import without_national_ids
from madang.ingest.checks.problems import CellProblem
from madang.ingest.checks.values import TYPES, checker, is_nothing
from madang.ingest.readers.cells import as_text, cleaned

SEOUL = ZoneInfo("Asia/Seoul")


def code_of(kind: str, cell: Any) -> str:
    outcome = checker(kind, SEOUL)(cell)
    assert isinstance(outcome, CellProblem), f"{cell!r} was read as {outcome!r}"
    return outcome.code


@pytest.mark.parametrize(
    ("cell", "lands"),
    [
        ("2026-10-06", "2026-10-06"),
        ("2026.10.06", "2026-10-06"),
        ("2026. 10. 6.", "2026-10-06"),
        ("2026/1/2", "2026-01-02"),
        ("2026년 10월 6일", "2026-10-06"),
        ("20261006", "2026-10-06"),
        ("２０２６-１０-０６", "2026-10-06"),
        ("2026-10-06 23:59:59", "2026-10-06"),
        ("2024-02-29", "2024-02-29"),
        (date(2026, 10, 6), "2026-10-06"),
        (datetime(2026, 10, 6, 23, 0), "2026-10-06"),
        (46301.0, "2026-10-06"),  # the serial that Excel shows for this day
        (20261006.0, "2026-10-06"),
    ],
)
def test_dates_land_as_iso(cell: Any, lands: str) -> None:
    assert checker("date")(cell) == lands


@pytest.mark.parametrize(
    "cell",
    [
        "2026-13-40",
        "2026-02-29",
        "2026-10",
        "2026-1006",
        "31/02/2026",
        3.0,
        999999.0,
        True,
        time(1, 2),
    ],
)
def test_dates_that_do_not_exist_are_refused(cell: Any) -> None:
    assert code_of("date", cell) == "date_unreadable"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("10/06/2026", "date_order_unclear"),
        ("5/10/26", "date_order_unclear"),
        ("1899-01-01", "date_out_of_range"),
        (date(9999, 12, 31), "date_out_of_range"),
        (datetime(1899, 12, 31, 10, 0), "date_out_of_range"),
        ("10/6", "year_missing"),
        ("Oct 6", "year_missing"),
        ("14:30", "day_missing"),
        ("오후 3시", "day_missing"),
    ],
)
def test_a_date_is_refused_with_its_own_reason(cell: Any, code: str) -> None:
    assert code_of("date", cell) == code_of("timestamp", cell) == code


@pytest.mark.parametrize(
    ("cell", "zone", "lands"),
    [
        ("2026-10-05T15:00:00.000Z", "Asia/Seoul", "2026-10-06"),
        ("2026-10-05T15:00:00+00:00", "Asia/Seoul", "2026-10-06"),
        ("2026-10-05T14:59:59Z", "Asia/Seoul", "2026-10-05"),
        ("2026-10-06T00:00:00+09:00", "Asia/Seoul", "2026-10-06"),
        ("2026-10-06 00:00:00", "Asia/Seoul", "2026-10-06"),
        ("2026-10-06T04:00:00Z", "America/New_York", "2026-10-06"),
        ("2026-10-06T03:59:00Z", "America/New_York", "2026-10-05"),
        ("2026-12-31T15:00:00Z", "Asia/Seoul", "2027-01-01"),
    ],
)
def test_the_day_of_a_moment_is_that_of_the_workspaces_zone(
    cell: str, zone: str, lands: str
) -> None:
    assert checker("date", ZoneInfo(zone))(cell) == lands


@pytest.mark.parametrize(
    ("zone", "cell", "lands"),
    [
        ("Asia/Seoul", datetime(2026, 10, 5, 23, 59, 8), "2026-10-06T00:00:00+09:00"),
        ("Asia/Seoul", datetime(2026, 10, 5, 23, 59, 7), "2026-10-05T23:59:07+09:00"),
        ("Asia/Seoul", "2026-10-05 23:59:08", "2026-10-05T23:59:08+09:00"),
        ("Asia/Shanghai", datetime(2026, 10, 5, 23, 59, 17), "2026-10-06T00:00:00+08:00"),
        ("UTC", datetime(2026, 10, 5, 23, 59, 8), "2026-10-05T23:59:08+00:00"),
    ],
)
def test_a_moment_is_moved_to_midnight_only_from_the_very_second_of_its_zone(
    zone: str, cell: Any, lands: str
) -> None:
    assert checker("timestamp", ZoneInfo(zone))(cell) == lands


@pytest.mark.parametrize(
    ("cell", "lands"),
    [
        ("2026-10-06T14:30:00+09:00", "2026-10-06T14:30:00+09:00"),
        ("2026-10-06T05:30:00Z", "2026-10-06T05:30:00+00:00"),
        ("2026-10-06 14:30:00.123456+0900", "2026-10-06T14:30:00.123456+09:00"),
        ("2026-10-06 14:30", "2026-10-06T14:30:00+09:00"),
        ("2026.10.06 14:30:05", "2026-10-06T14:30:05+09:00"),
        ("2026-10-06 오후 2:30:00", "2026-10-06T14:30:00+09:00"),
        ("2026-10-06 오전 12:05", "2026-10-06T00:05:00+09:00"),
        ("2026-10-06 12:05 ", "2026-10-06T12:05:00+09:00"),
        ("2026-10-06", "2026-10-06T00:00:00+09:00"),
        (datetime(2026, 10, 6, 14, 30), "2026-10-06T14:30:00+09:00"),
        (46301.5, "2026-10-06T12:00:00+09:00"),
        (46301.604166666664, "2026-10-06T14:30:00+09:00"),
    ],
)
def test_moments_land_with_an_offset_and_mean_the_property_time_zone_without_one(
    cell: Any, lands: str
) -> None:
    assert checker("timestamp", SEOUL)(cleaned(cell)) == lands


@pytest.mark.parametrize(
    "cell",
    [
        "2026-10-06 25:00",
        "2026-10-06 14:60",
        "2026-10-06 오후 14:30",
        "오전 2026-10-06 3:30 PM",
        "2026-13-40 10:00",
        "2026-10-06T14:30:00+99:00",
        "1759728600",
    ],
)
def test_moments_that_do_not_exist_are_refused(cell: Any) -> None:
    assert code_of("timestamp", cell) == "timestamp_unreadable"


@pytest.mark.parametrize(
    ("cell", "lands"),
    [
        ("12,000,000원", "12000000"),
        ("₩ 5,000", "5000"),
        ("￦5,000", "5000"),
        ("5000 KRW", "5000"),
        ("1,234.50", "1234.5"),
        ("-3,000", "-3000"),
        ("-₩3,000", "-3000"),
        ("₩-3,000", "-3000"),
        ("(3,000)", "-3000"),
        ("△3,000", "-3000"),
        ("１２，０００", "12000"),
        ("0", "0"),
        ("3백만", "3000000"),
        ("3백만원", "3000000"),
        ("1억 2천만원", "120000000"),
        ("1.5억", "150000000"),
        ("5만 5천", "55000"),
        ("만원", "10000"),
        ("2천3백", "2300"),
        (35000.0, "35000"),
        (0.1, "0.1"),
        (999999999999999.0, "999999999999999"),
        (12, "12"),
    ],
)
def test_amounts_land_as_plain_digits(cell: Any, lands: str) -> None:
    assert checker("amount")(cell) == lands


@pytest.mark.parametrize(
    "cell",
    [
        "12,00,000",
        "1.234.567",
        "만오천",
        "3만5억",
        "3백2천",
        "1억2억",
        "약 3만",
        "1e5",
        "십 만 3.5.1",
        "3원5",
        "--3",
        "-(3)",
        "()",
        "원",
        "nan",
        "inf",
        True,
        date(2026, 1, 1),
    ],
)
def test_amounts_that_could_mean_two_things_are_refused(cell: Any) -> None:
    assert code_of("amount", cell) == "amount_unreadable"


@pytest.mark.parametrize("kind", ["amount", "integer"])
@pytest.mark.parametrize("cell", [1e16, 10**15, -(10**15), "9" * 400, "1,000,000,000,000,000"])
def test_numbers_are_below_the_limit_that_partners_have_too(kind: str, cell: Any) -> None:
    assert code_of(kind, cell) == "number_too_large"


@pytest.mark.parametrize("cell", [float("nan"), float("inf"), "inf", "-Infinity", "NaN%"])
def test_what_is_not_finite_is_no_number(cell: Any) -> None:
    assert code_of("amount", cell) == "amount_unreadable"
    assert code_of("integer", cell) == "integer_unreadable"


def test_whole_numbers_take_separators_but_no_fraction() -> None:
    assert checker("integer")("1,200명") == "1200"
    assert checker("integer")(3.0) == "3"
    assert code_of("integer", "3.5") == "integer_unreadable"


@pytest.mark.parametrize(
    ("cell", "lands"),
    [
        (1012345678.0, "1012345678"),
        (821012345678.0, "821012345678"),
        (" 010-1234-5678\u3000", "010-1234-5678"),
        ("1012345678.0", "1012345678"),
        ("a3" * 32, "a3" * 32),
    ],
)
def test_phones_land_as_written_without_what_excel_added(cell: Any, lands: str) -> None:
    assert checker("phone")(cleaned(cell)) == lands


@pytest.mark.parametrize("cell", ["1.01E+10", "8.21E+11", "1e10", 1.0e16])
def test_a_phone_whose_digits_excel_dropped_is_told_apart(cell: Any) -> None:
    assert code_of("phone", cell) == "digits_lost"


@pytest.mark.parametrize("cell", ["010-1234-567", "없는번호", 12345.0, True, date(2026, 1, 1)])
def test_a_phone_that_is_no_number_is_refused(cell: Any) -> None:
    assert code_of("phone", cell) == "phone_unreadable"


def test_identifiers_are_one_word_that_excel_left_alone() -> None:
    assert checker("id")("C-000/12") == "C-000/12"
    assert checker("id")(100023.0) == "100023"
    assert code_of("id", date(2026, 3, 1)) == "id_became_date"
    assert code_of("id", timedelta(hours=30)) == "id_became_date"
    assert code_of("id", "1.23E+15") == "digits_lost"
    assert code_of("id", 1234567890123456.0) == "digits_lost"
    assert checker("id")(1234567890123456) == "1234567890123456"  # JSON and Parquet keep them
    assert code_of("id", "※ 외부 유출 금지") == "id_unreadable"


@pytest.mark.parametrize("kind", ["id", "text", "name"])
def test_a_national_id_number_is_refused_in_any_free_text(kind: str) -> None:
    assert code_of(kind, "900101-1000000") == "national_id"


# 0501013234566 has the right check digit, 9001011234567 a wrong one.
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("my number is 900101-1234567 please", True),
        ("900101–1234567", True),
        ("900101ㅡ1234567", True),
        ("900101 - 1234567", True),
        ("900101\u200b-1234567", True),
        ("９００１０１－１２３４５６７", True),
        ("900101-8234567", True),
        ("050101-3234567", True),
        ("고객900101-1234567님", True),
        ("0501013234566", True),
        ("050101 3234566", True),
        ("9001011234567", True),
        ("900101.1234567", True),
        ("900101-9234567", False),
        ("901301-1234567", False),
        ("900132-1234567", False),
        ("20900101-1234567", False),
        ("900101-12345678", False),
        ("0501013234567", False),
        ("A0501013234566", False),
        ("2610050000001", False),
        ("2610051234567", False),
        ("1759728600000", False),
        ("8801234567893", False),
        ("251005 1500000원 입금", False),
        ("900101-1******", False),
        ("010-1234-5678", False),
    ],
)
def test_a_national_id_number_is_found_anywhere_and_nothing_else_is(text: str, found: bool) -> None:
    outcome = checker("text")(f"({text})")
    assert (isinstance(outcome, CellProblem) and outcome.code == "national_id") == found
    assert ("*******" in without_national_ids(text)) == (
        found or text == "901301-1234567" or text == "900132-1234567"
    )


def test_bare_numbers_are_national_ids_of_an_identifier_only_by_their_check_digit() -> None:
    assert code_of("id", "0501013234566") == "national_id"
    assert checker("id")("9001011234567") == "9001011234567"
    assert checker("id")("8801234567893") == "8801234567893"


@pytest.mark.parametrize("kind", ["id", "email", "phone", "name", "text"])
def test_control_characters_are_a_problem_of_every_text(kind: str) -> None:
    for sign in "\x07\x1b\x7f\x80":
        assert code_of(kind, f"a@b.example{sign}x") == "sign_damaged"
    assert checker("text")("a\tb\nc\ufffd") == "a\tb\nc\ufffd"


def test_signs_that_shape_letters_stay_in_names_and_texts() -> None:
    persian, family = "می\u200cخواهم", "\U0001f468\u200d\U0001f469\u200d\U0001f467 ❤\ufe0f"
    assert checker("name")(cleaned(persian)) == persian
    assert checker("text")(cleaned(family)) == family
    assert code_of("name", "\u3164") == "name_without_letters"


def test_names_hold_a_letter_and_addresses_an_at_sign() -> None:
    assert checker("name")("홍*동") == "홍*동"
    assert code_of("name", "010-1234-5678") == "name_without_letters"
    assert checker("email")("Mina@Maru.Example") == "Mina@Maru.Example"
    assert checker("email")("b4" * 32) == "b4" * 32
    assert code_of("email", "mina@maru") == "email_unreadable"


@pytest.mark.parametrize(
    ("cell", "lands"),
    [
        ("Y", "true"),
        ("예", "true"),
        (True, "true"),
        (1.0, "true"),
        ("동의", "true"),
        ("O", "true"),
        ("n", "false"),
        ("아니오", "false"),
        (False, "false"),
        ("0", "false"),
        ("미동의", "false"),
    ],
)
def test_yes_and_no_in_both_languages(cell: Any, lands: str) -> None:
    assert checker("boolean")(cell) == lands


def test_what_is_neither_yes_nor_no_is_refused() -> None:
    assert code_of("boolean", "아마도") == "boolean_unreadable"


def test_a_choice_lands_as_the_name_in_the_yaml_and_an_unknown_one_names_the_list() -> None:
    check = checker(
        "choice", choices={"granted": "granted", "수신동의": "granted", "n": "withdrawn"}
    )
    assert check("수신 동의") == "granted"
    assert check("Ｎ") == "withdrawn"
    outcome = check("maybe")
    assert isinstance(outcome, CellProblem)
    assert "granted, withdrawn" in outcome.fix_en
    assert "수신동의 (또는 granted, withdrawn)" in outcome.fix_ko
    assert "maybe" not in str(outcome)


def test_written_out_blanks_are_blank() -> None:
    assert is_nothing("-")
    assert is_nothing("없음")
    assert is_nothing("N/A")
    assert not is_nothing("0")
    assert not is_nothing("010-1234-5678")


def test_text_is_trimmed_and_composed_but_otherwise_left_alone() -> None:
    assert cleaned(" \u200b김\u1106\u1161루\ufeff\u3000") == "김마루"
    assert cleaned(" \u3000\u200b ") is None
    assert cleaned("\x00") is None
    assert cleaned("가\x00\x00") == "가"
    assert cleaned("C\x001") == "C\x001"  # which the checks refuse
    assert cleaned("ＡＢ") == "ＡＢ"  # NFC, not NFKC: it lands as given


def test_native_cells_are_written_canonically() -> None:
    assert as_text(35000.0) == "35000"
    assert as_text(0.5) == "0.5"
    assert as_text(datetime(2026, 1, 2, 3, 4, 5, 999_600)) == "2026-01-02T03:04:06"
    assert as_text(date(2026, 1, 2)) == "2026-01-02"


def test_every_problem_speaks_both_languages() -> None:
    found = [value for value in vars(problems).values() if isinstance(value, CellProblem)]
    found.append(problems.unknown_choice(["a"]))
    assert len({problem.code for problem in found}) == len(found) >= 15
    for problem in found:
        for korean in (problem.korean, problem.fix_ko):
            assert any("가" <= char <= "힣" for char in korean), problem.code
        assert problem.english.isascii(), problem.code
        assert problem.fix_en.isascii(), problem.code


def test_every_type_has_a_check() -> None:
    for kind in TYPES:
        assert callable(checker(kind))
