"""Files that would harm: bombs, broken quotes, deep JSON, damaged Parquet. A clear answer each."""

import gzip
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest_workspace import CRM_HEADERS, csv_bytes, own_project, put, workbook
from madang import ingest
from madang.ingest.errors import FileRefused
from madang.ingest.readers import packed
from madang.ingest.readers.sheets import open_sheets
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse

Take = Callable[[Path], tuple[list[dict[str, Any]], ingest.FileReport]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return own_project(tmp_path, "crm", "offline")


@pytest.fixture
def inbox(settings: Settings) -> Path:
    return settings.paths.inbox


@pytest.fixture
def take(settings: Settings) -> Take:
    def run(path: Path) -> tuple[list[dict[str, Any]], ingest.FileReport]:
        with open_warehouse(settings) as warehouse:
            (file,) = ingest.load(settings, warehouse, [path]).files
            name = "crm_customers" if path.parent.name == "crm" else "offline_outcomes"
            if not warehouse.exists("raw", name):
                return [], file
            rows = warehouse.fetch(f"from {warehouse.relation('raw', name)} order by _row")
        return rows, file

    return run


def read(path: Path, scratch: Path) -> list[Any]:
    scratch.mkdir(exist_ok=True)
    (sheet,) = open_sheets(path, {"id"}.__contains__, scratch)
    return list(sheet.rows)


# --- archives -----------------------------------------------------------------------------------


def bomb(path: Path, size: int, *, claimed: int | None = None) -> Path:
    """A workbook whose sheet is `size` bytes of zeros and says that it is `claimed`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as member,
    ):
        for _ in range(size // 2**20):
            member.write(bytes(2**20))
    if claimed is not None:
        data = path.read_bytes()
        written, told = struct.pack("<I", size), struct.pack("<I", claimed)
        assert written in data
        path.write_bytes(data.replace(written, told))
    return path


@pytest.mark.parametrize("claimed", [None, 1000])
def test_an_archive_bomb_is_not_opened_whatever_it_claims(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claimed: int | None
) -> None:
    monkeypatch.setattr(packed, "MOST_IN_WORKBOOK", 16 * 2**20)
    monkeypatch.setattr(
        "madang.ingest.readers.workbooks._opened", lambda data: pytest.fail("it was opened")
    )
    path = bomb(tmp_path / "a.xlsx", 64 * 2**20, claimed=claimed)
    assert path.stat().st_size < 2**20
    with pytest.raises(FileRefused, match="unpacks to more than 16 MB"):
        read(path, tmp_path)


def test_a_gz_bomb_stops_at_its_bound(
    take: Take, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "MOST_UNPACKED", 8 * 2**20)
    path = put(inbox / "crm" / "a.csv.gz", gzip.compress(bytes(64 * 2**20), mtime=0))
    _, file = take(path)
    assert file.status == "refused"
    assert "unpacks to more than" in str(file.skipped_reason)


def test_a_sheet_with_one_cell_far_away_is_refused_before_it_is_spread_out(
    take: Take, inbox: Path
) -> None:
    import openpyxl

    path = workbook(inbox / "crm" / "a.xlsx", [CRM_HEADERS, ["C1"]])
    book = openpyxl.load_workbook(path)
    book.active["XFD1048576"] = "x"
    book.save(path)
    _, file = take(path)
    assert file.status == "refused"
    assert "1,048,576 rows and 16,384 columns" in str(file.skipped_reason)


# --- CSV ----------------------------------------------------------------------------------------


def customers_csv(bad: dict[int, str], count: int = 20) -> str:
    lines = [bad.get(n, f"C{n},김마루") for n in range(1, count + 1)]
    return "\n".join(["고객번호,이름", *lines]) + "\n"


@pytest.mark.parametrize(
    "broken", ['C7,"김마루', 'C7,"김"마루', 'C7,"' + "가" * 70_000, '"C7,김마루', 'C7,"김마루" x']
)
def test_one_broken_quote_costs_its_row_alone(take: Take, inbox: Path, broken: str) -> None:
    rows, file = take(put(inbox / "crm" / "a.csv", customers_csv({7: broken})))
    assert (file.status, file.rows, file.rejected) == ("loaded", 20, 1)
    landed = {row["customer_no"]: row["_row"] for row in rows}
    assert landed == {f"C{n}": n + 1 for n in range(1, 21) if n != 7}
    assert file.rejects_file is not None
    rejects = file.rejects_file.read_text(encoding="utf-8-sig")
    assert "line 8 of the file" in rejects
    assert "8번째 줄" in rejects
    assert len(rejects) < 10_000


def test_a_broken_quote_in_the_last_line_and_several_of_them(take: Take, inbox: Path) -> None:
    text = customers_csv({3: 'C3,"a', 9: 'C9,"b"c', 20: 'C20,"'})
    rows, file = take(put(inbox / "crm" / "a.csv", text))
    assert (file.rows, file.rejected, len(rows)) == (20, 3, 17)


def test_a_value_of_several_lines_is_one_row(take: Take, inbox: Path) -> None:
    rows, file = take(put(inbox / "crm" / "a.csv", customers_csv({2: 'C2,"김\n마\n루"'})))
    assert (file.rows, file.rejected) == (20, 0)
    assert rows[1]["name"] == "김\n마\n루"


def test_a_large_csv_with_a_broken_quote_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("id,name\n")
        for number in range(200_000):
            file.write(f'{number},"x\n' if number == 1000 else f"{number},{'가나다라마' * 10}\n")
    assert path.stat().st_size > 30e6
    tracemalloc.start()
    (sheet,) = open_sheets(path, {"id"}.__contains__, tmp_path)
    count = sum(1 for _ in sheet.rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 200_001
    assert peak < 10e6


# --- JSON ---------------------------------------------------------------------------------------

OUTCOME = {"product": "charger", "status": "installed", "occurred_at": "2026-10-01T09:00:00Z"}


def test_a_million_nested_arrays_are_refused_or_rejected(take: Take, inbox: Path) -> None:
    deep = "[" * 1_000_000 + "]" * 1_000_000
    _, file = take(put(inbox / "offline" / "a.json", f'[{{"outcome_id": {deep}}}]'))
    assert file.status == "refused"
    assert "nested too deeply" in str(file.skipped_reason)
    lines = [json.dumps({"outcome_id": f"O{n}", **OUTCOME}) for n in range(9)]
    lines.insert(4, f'{{"outcome_id": {deep}}}')
    rows, file = take(put(inbox / "offline" / "b.ndjson", "\n".join(lines)))
    assert (len(rows), file.rejected) == (9, 1)
    assert file.rejects_file is not None
    assert file.rejects_file.stat().st_size < 10_000


def test_a_long_json_list_is_read_an_element_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with path.open("w") as file:
        file.write("[\n")
        for number in range(150_000):
            last = "" if number == 149_999 else ","
            file.write(json.dumps({"id": number, "name": "x" * 150}) + last + "\n")
        file.write("]\n")
    assert path.stat().st_size > 25e6
    tracemalloc.start()
    (sheet,) = open_sheets(path, {"id"}.__contains__, tmp_path)
    count = sum(1 for _ in sheet.rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 150_001
    assert peak < 20e6


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"id": 1},\n {"id": }]', "not valid JSON (line 2"),
        ('[{"id": 1} {"id": 2}]', "not valid JSON (line 1"),
        ('[{"id": 1}', "not valid JSON"),
        ('[{"id": 1}] x', "not valid JSON"),
        ('{"id": 1', "not valid JSON"),
        ("[1, 2]", "not a list of JSON objects"),
        ("[]", "list is empty"),
        ('"text"', "not a list of JSON objects"),
    ],
)
def test_broken_json_says_where(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(FileRefused) as caught:
        read(put(tmp_path / "a.json", text), tmp_path)
    assert says in caught.value.message


@pytest.mark.parametrize("gap", ["", " \n", "\r\n\t"])
def test_a_list_is_read_whatever_stands_between(tmp_path: Path, gap: str) -> None:
    text = gap.join(["[", '{"id": 1}', ",", '{"id": "a"}', ",", "7", "]", ""])
    rows = read(put(tmp_path / "a.json", text), tmp_path)
    assert rows[:3] == [(0, ["id"]), (1, [1]), (2, ["a"])]
    assert rows[3][1].text == "7"


# --- Parquet and the rest -----------------------------------------------------------------------


def parquet(path: Path, select: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.execute(f"copy ({select}) to '{path}' (format parquet)")
    return path


def test_parquet_lands_like_any_other_file(take: Take, inbox: Path) -> None:
    path = parquet(
        inbox / "offline" / "outcomes.parquet",
        "select 'O1' as outcome_id, 'test_drive' as product, 'visited' as status, "
        "timestamptz '2026-10-03 10:00:00+09:00' as occurred_at, 35000.00::decimal(18, 2) as value",
    )
    put(inbox.parent / "models/staging/offline/_offline__sources.yml", offline_with_parquet())
    rows, file = take(path)
    assert (file.status, file.loaded) == ("loaded", 1)
    assert (rows[0]["occurred_at"], rows[0]["value"]) == ("2026-10-03T01:00:00+00:00", "35000")
    assert rows[0]["_row"] == 1


def offline_with_parquet() -> str:
    project = Path(__file__).parents[2]
    text = (project / "models/staging/offline/_offline__sources.yml").read_text(encoding="utf-8")
    return text.replace('files: ["', 'files: ["offline/*.parquet", "', 1)


def test_every_type_of_parquet_becomes_a_cell(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "a.parquet",
        "select 7::bigint as id, 1.5::double as d, 12.30::decimal(9, 2) as n, true as b, "
        "date '2026-10-06' as day, timestamp_ns '2026-10-06 09:00:00' as at, null::varchar as t, "
        "[1, 2] as l, {'a': 'x'} as s, uuid '00000000-0000-0000-0000-000000000001' as u, "
        "170141183460469231731687303715884105727::hugeint as h, '\\xFF'::blob as raw",
    )
    (_, header), (number, row) = read(path, tmp_path)
    assert (header[0], number) == ("id", 1)
    assert row[:4] == [7, 1.5, "12.30", True]
    assert row[4:7] == [date(2026, 10, 6), datetime(2026, 10, 6, 9), None]
    assert row[7:9] == ["[1, 2]", '{"a": "x"}']
    assert row[9] == "00000000-0000-0000-0000-000000000001"
    assert Decimal(str(row[10])) > 10**30
    assert row[11] == "binary"


@pytest.mark.parametrize("cut", [4, 100, 300])
def test_a_damaged_parquet_file_is_refused(tmp_path: Path, cut: int) -> None:
    whole = parquet(tmp_path / "a.parquet", "select range as id from range(1000)").read_bytes()
    with pytest.raises(FileRefused, match="damaged"):
        read(put(tmp_path / "b.parquet", whole[:cut]), tmp_path)


@pytest.mark.parametrize("name", ["a.pdf", "a.avro", "a", "a.zip", "a.csv.zip"])
def test_an_unknown_kind_of_file_says_what_can_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileRefused, match="cannot be read") as caught:
        read(put(tmp_path / name, b"x"), tmp_path)
    assert ".xlsx" in str(caught.value.fix)


def test_a_file_of_zeros_is_no_table(take: Take, inbox: Path) -> None:
    _, file = take(put(inbox / "crm" / "a.csv", bytes(100_000)))
    assert file.status == "refused"


def test_spaces_alone_are_an_empty_file(take: Take, inbox: Path) -> None:
    _, file = take(put(inbox / "crm" / "a.csv", csv_bytes([]) + b" \r\n" * 100))
    assert "empty" in str(file.skipped_reason)
