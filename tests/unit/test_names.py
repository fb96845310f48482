"""Names from outside: what is shown of them, what Excel gets, what a file is called after them."""

import os

import pytest

from madang.names import defused, file_stem, seen_lines, shown


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("고객 목록_2026-10.xlsx", "고객 목록_2026-10.xlsx"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("a\x9b\x07\x7f", "a\\x9b\\x07\\x7f"),
        ("a\u202egnp.exe", "a\\u202egnp.exe"),
        ("a\u2028b", "a\\u2028b"),
        (os.fsdecode(b"a\xff\xfe"), "a\\xff\\xfe"),
        ("\ud800", "\\ud800"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_a_name_is_one_line_that_can_be_seen(name: str, says: str) -> None:
    assert shown(name) == says


def test_lines_of_a_message_stay_lines() -> None:
    assert seen_lines("one\ntwo\x1b[0m") == "one\ntwo\\x1b[0m"


@pytest.mark.parametrize(
    "text", ["=1+1", "+82", "-1", "@x", "\t=1", "\r1", "\n1", " =1", "＝1", "＠x"]
)
def test_what_a_spreadsheet_computes_is_defused(text: str) -> None:
    assert defused(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "김마루", "1-2", "'=1"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert defused(text) == text


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("crm/고객_2026.10.xlsx", "고객_2026__x"),
        ("a" * 244 + ".csv", "a" * 189 + "__x"),
        ("가" * 82 + ".csv", "가" * 63 + "__x"),
        ("a\x1b\n:b.csv", "a___b__x"),
        (os.fsdecode(b"a\xff.csv"), "a___x"),
    ],
)
def test_a_file_is_called_after_a_name_within_200_bytes(name: str, stem: str) -> None:
    assert file_stem(name, "__x") == stem
    assert len(f"{stem}_999.csv".encode()) <= 200
