"""Files as they come: encodings, delimiters, JSON, workbooks, and files that cannot be read."""

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ingest_workspace import csv_bytes, protected_workbook, put, workbook
from madang.ingest.checks.problems import BadLine
from madang.ingest.errors import FileRefused
from madang.ingest.readers.sheets import Sheet, open_sheets

FOLDER = Path()
ROWS = [["고객번호", "이름"], ["C1", "김마루"], ["C2", "이, 마루"]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    """Where the files of a test are written."""
    global FOLDER
    FOLDER = tmp_path
    return tmp_path


def sheets_of(name: str, data: bytes) -> list[Sheet]:
    path = put(FOLDER / "in" / name, data)
    (FOLDER / "scratch").mkdir(exist_ok=True)
    return open_sheets(path, {"고객번호", "이름"}.__contains__, FOLDER / "scratch")


def rows_of(name: str, data: bytes) -> list[Any]:
    (sheet,) = sheets_of(name, data)
    return list(sheet.rows)


def refusal_of(name: str, data: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        for sheet in sheets_of(name, data):
            list(sheet.rows)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "euc-kr", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found(encoding: str, delimiter: str) -> None:
    data = csv_bytes(ROWS, encoding, delimiter)
    assert rows_of("a.csv", data) == [(at, row) for at, row in enumerate(ROWS, start=1)]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_found(encoding: str) -> None:
    rows = [["고객번호", "이름", "email address"], ["C1", "김마루", "mina@maru.example"]]
    assert [row for _, row in rows_of("a.csv", csv_bytes(rows, encoding))] == rows


def test_the_delimiter_is_the_one_between_headers_not_the_most_frequent_sign() -> None:
    data = "고객번호;이름\nC1;1,2,3,4,5,6\nC2;1,2,3,4,5,6\n".encode()
    assert rows_of("a.csv", data)[1] == (2, ["C1", "1,2,3,4,5,6"])


def test_rows_of_a_csv_are_numbered_as_excel_shows_them() -> None:
    data = '고객번호,이름\n\nC1,"김\n마루"\nC2,이마루\n'.encode()
    assert [number for number, _ in rows_of("a.csv", data)] == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.CSV.GZ"])
def test_gz_is_unpacked(name: str) -> None:
    assert len(rows_of(name, gzip.compress(csv_bytes(ROWS)))) == 3


def test_json_lines_become_rows_under_all_their_keys() -> None:
    data = b'{"id": "A1", "value": 35000}\n\n{"value": 1.5, "more": {"a": [1]}}\n'
    assert rows_of("a.ndjson", data) == [
        (0, ["id", "value", "more"]),
        (1, ["A1", 35000, None]),
        (3, [None, 1.5, '{"a": [1]}']),
    ]


def test_a_broken_json_line_is_a_problem_of_that_line_alone() -> None:
    rows = rows_of("a.jsonl", b'{"id": "A1"}\n{"id": "A\n{"id": "A3"}\n7\n')
    assert [number for number, _ in rows] == [0, 1, 2, 3, 4]
    assert [row.text for _, row in rows if isinstance(row, BadLine)] == ['{"id": "A', "7"]


@pytest.mark.parametrize(
    "document", [[{"id": "A1"}, {"id": "A2"}], {"id": "A1"}, '{"id": "A1"}\n{"id": "A2"}']
)
def test_json_is_a_list_one_object_or_one_object_a_line(document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    rows = rows_of("a.json", text.encode())
    assert rows[0][1] == ["id"]
    assert rows[1][1] == ["A1"]


def test_half_a_character_in_json_does_not_stop_the_file() -> None:
    assert rows_of("a.ndjson", b'{"id": "A\\ud800"}')[1] == (1, ["A\ufffd"])


def test_a_workbook_keeps_excels_row_numbers_and_native_cells(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["고객번호", "휴대폰"], ["C1", 1012345678]], title="제목")
    assert rows_of("a.xlsx", path.read_bytes())[2:] == [
        (3, ["고객번호", "휴대폰"]),
        (4, ["C1", 1012345678.0]),
    ]


def test_hidden_sheets_are_not_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ROWS, hidden=ROWS)
    assert [sheet.name for sheet in sheets_of("a.xlsx", path.read_bytes())] == ["고객"]


def test_merged_cells_count_for_every_row_they_cover(tmp_path: Path) -> None:
    rows = [["지점", "이름"], ["여의도", "가"], [None, "나"], [None, "다"], [None, "라"]]
    path = workbook(tmp_path / "a.xlsx", rows, merged=["A2:A4"])
    read = [row[0] for _, row in rows_of("a.xlsx", path.read_bytes())]
    assert read == ["지점", "여의도", "여의도", "여의도", ""]


def test_an_old_workbook_ending_or_an_ods_is_read_by_its_content(tmp_path: Path) -> None:
    data = workbook(tmp_path / "a.xlsx", ROWS).read_bytes()
    assert len(rows_of("a.xls", data)) == 3
    assert [row for _, row in rows_of("a.ods", ods(ROWS))] == ROWS


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls", "a.xlsx.gz"])
def test_a_workbook_with_a_password_is_refused_and_says_how_to_remove_it(name: str) -> None:
    data = protected_workbook()
    refusal = refusal_of(name, gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    assert "protected with a password" in refusal.message
    assert "암호를 해제" in str(refusal.fix)


def test_a_workbook_of_hidden_sheets_only_is_refused() -> None:
    book = openpyxl.Workbook()
    book.active.sheet_state = "hidden"
    book.create_chartsheet("차트")
    data = io.BytesIO()
    book.save(data)
    assert "no visible worksheet" in refusal_of("a.xlsx", data.getvalue()).message


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.csv", b"", "empty"),
        ("a.xlsx", b"", "empty"),
        ("a.ndjson", b" \n\n", "empty"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "empty"),
        ("a.csv.gz", gzip.compress(b"a,b\n" * 99, mtime=0)[:-9], "damaged"),
        ("a.csv.gz", b"a,b\n", "damaged"),
        ("a.xlsx", b"PK\x03\x04 cut off", "damaged"),
        ("a.xlsx", b"<html>not a workbook</html>", "damaged"),
        ("a.csv", b"a,b\n\xff\xfe\xfd,\x81\n", "encoding"),
        ("a.json", b"{", "not valid JSON (line 1"),
        ("a.json", b"[]", "list is empty"),
        ("a.json", b"7", "not a list of JSON objects"),
        ("a.ndjson", b"[1]\n[2]\n", "No line of the file is a JSON object"),
        ("a.pdf", b"%PDF", "'.pdf' cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, data: bytes, says: str) -> None:
    assert says in refusal_of(name, data).message


def test_every_cut_of_a_workbook_is_refused_and_none_crashes(tmp_path: Path) -> None:
    data = put(tmp_path / "b.xlsx", workbook(tmp_path / "a.xlsx", ROWS).read_bytes()).read_bytes()
    for size in range(1, len(data) - 30, 97):
        assert "damaged" in refusal_of("a.xlsx", data[:size]).message


def ods(rows: list[list[str]]) -> bytes:
    """The least that is an OpenDocument spreadsheet."""
    office = "urn:oasis:names:tc:opendocument:xmlns:"
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    body = "".join(
        f"<table:table-row>{''.join(map(cell.format, row))}</table:table-row>" for row in rows
    )
    content = (
        f'<office:document-content xmlns:office="{office}office:1.0" '
        f'xmlns:table="{office}table:1.0" xmlns:text="{office}text:1.0"><office:body>'
        f'<office:spreadsheet><table:table table:name="고객">{body}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        f'<manifest:manifest xmlns:manifest="{office}manifest:1.0"><manifest:file-entry '
        'manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", content)
    return data.getvalue()
