"""The two ways of reading a CSV, by DuckDB and row by row, come to the same rows and rejects."""

import csv
import random
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from ingest_workspace import csv_bytes, own_project, put
from madang import ingest
from madang.ingest.checks import plain_sql
from madang.ingest.checks.problems import CellProblem
from madang.ingest.checks.values import NO, NOTHING, YES, checker, is_nothing
from madang.ingest.readers import fast_csv
from madang.warehouse import open_warehouse

SEOUL = ZoneInfo("Asia/Seoul")
TYPES = (
    "id", "name", "phone", "email", "timestamp", "date", "amount", "integer", "boolean", "choice",
    "text",
)  # fmt: skip
MAPPING = """
sources:
  - name: things
    tables:
      - name: things
        config:
          meta:
            load:
              files: ["things/*"]
              mode: delta
              key: [id]
              stop_rows: ["합계", "total"]
              max_reject_share: 1
        columns:
"""
GOOD = {
    "id": ["A1", "00123", "B-7/2"],
    "name": ["김마루", "Mina Kim", "이 소리"],
    "phone": ["010-1234-5678", "01012345678", "1012345678", "+82 10 1234 5678"],
    "email": ["a@maru.example", "B.c+d@maru.example"],
    "timestamp": ["2026-10-06 14:30:00", "2026-10-06T14:30:00+09:00", "2026.10.06 오후 2:30"],
    "date": ["2026-10-06", "2026.10.6", "20261006"],
    "amount": ["12000", "12,000원", "3백만", "0", "007", "1.50"],
    "integer": ["3", "1,000", "3건"],
    "boolean": ["Y", "아니오", "true"],
    "choice": ["open", "닫힘", "CLOSED"],
    "text": ["말", "a, b", " x ", "\u1106\u1161\u1105\u116e", '"q"', "두\n줄", "-", "０１"],
}
BAD = [
    "1.01E+10", "없는번호", "2026-13-40", "900101-1234567", "?", "x" * 300, "a b", "#", "'",
    "my 900101-1234567 .", "9001011234567", "0501013234566", "C\u200b1", "a\x07b", "05/10/2026",
    "26.10.5", "<a@maru.example>", "+44 (0)20 7946 0958", "9999-12-31",
]  # fmt: skip
ODD = ["", " ", "-", "n/a", "\u3000", "\ufeffA1", "합", "합계", "total", "id"]


def mapping() -> str:
    lines = [MAPPING.strip("\n")]
    for kind in TYPES:
        choices = ", choices: {open: [열림], closed: [닫힘]}" if kind == "choice" else ""
        required = ", required: true" if kind in ("id", "date") else ""
        lines.append(f"          - name: {kind}")
        lines.append(f"            config: {{meta: {{type: {kind}{required}{choices}}}}}")
    return "\n".join(lines) + "\n"


def loaded(root: Path, data: bytes, *, fast: bool, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What landed, what was rejected and what was said of a file."""
    settings = own_project(root)
    put(root / "models/staging/things/_things__sources.yml", mapping())
    put(root / "inbox/things/a.csv", data)
    taken: list[bool] = []
    check = fast_csv.check_fast
    with monkeypatch.context() as patched, open_warehouse(settings) as warehouse:
        patched.setattr(fast_csv, "FROM_BYTES", 0 if fast else 2**40)

        def watched(*args: Any) -> Any:
            result = check(*args)
            taken.append(result is not None)
            return result

        patched.setattr("madang.ingest.one_file.check_fast", watched)
        (file,) = ingest.load(settings, warehouse).files
        rows = []
        if warehouse.exists("raw", "things"):
            table = warehouse.relation("raw", "things")
            columns = ", ".join(f'"{kind}"' for kind in TYPES)
            rows = warehouse.fetch(f"select {columns}, _row, _sheet from {table} order by _row")
    rejects = []
    if file.rejects_file:
        with file.rejects_file.open(encoding="utf-8-sig", newline="") as text:
            rejects = list(csv.reader(text))
    counts = (file.status, file.rows, file.loaded, file.rejected, file.skipped_reason)
    return counts, rows, rejects, taken


def both(tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, bool]:
    """Load a file both ways and hold them equal; return what came of it, whether it was fast."""
    slow = loaded(tmp_path / "slow", data, fast=False, monkeypatch=monkeypatch)
    fast = loaded(tmp_path / "fast", data, fast=True, monkeypatch=monkeypatch)
    assert fast[0] == slow[0]
    assert fast[1] == slow[1]
    assert fast[2] == slow[2]
    return fast[:3], fast[3] == [True]


def good_row(chance: random.Random) -> list[str]:
    return [chance.choice(GOOD[kind]) for kind in TYPES]


@pytest.mark.parametrize("seed", range(6))
def test_both_ways_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = random.Random(seed)
    rows = []
    for number in range(300):
        row = good_row(chance)
        row[0] = f"A{number}"
        for _ in range(chance.choice([0, 0, 0, 1, 2])):
            row[chance.randrange(len(row))] = chance.choice([*BAD, *ODD[:6]])
        rows.append(row)
    if seed % 2:
        rows.insert(100, list(TYPES))  # the header again
        rows.insert(250, ["합계", *[""] * 10])
    encoding = "cp949" if seed == 4 else "utf-8-sig" if seed == 5 else "utf-8"
    rows = [[cell.encode(encoding, "ignore").decode(encoding) for cell in row] for row in rows]
    data = csv_bytes([list(TYPES), *rows], encoding)
    ((counts, *_), was_fast) = both(tmp_path, data, monkeypatch)
    assert was_fast
    assert counts[2] > 50
    assert counts[3] > 50


@pytest.mark.parametrize(
    "odd",
    [
        "A1,김\n",  # too few cells
        "A1,김,,,,2026-10-06,1,000,Y,open,x,y\n",  # a bare comma
        '"A1,김\n',  # a quote that is never closed
        "\nA1,김,,,,2026-10-06,,,,,\n",  # a blank line, which Excel counts
    ],
)
def test_irregular_files_are_read_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    chance = random.Random(1)
    text = csv_bytes([list(TYPES), *(good_row(chance) for _ in range(20))]).decode()
    _, was_fast = both(tmp_path, (text + odd + text.split("\r\n", 1)[1]).encode(), monkeypatch)
    assert not was_fast


@pytest.mark.parametrize("odd", ["\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("quoted", [False, True])
def test_lines_that_end_in_several_ways_come_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str, quoted: bool
) -> None:
    chance = random.Random(2)
    text = csv_bytes([list(TYPES), *(good_row(chance) for _ in range(20))]).decode()
    row = f'A99,"김{odd}마루",,,,2026-10-06,,,,,\r\n' if quoted else f"A98{',' * 10}{odd}"
    both(tmp_path, (text + row + text.split("\r\n", 1)[1]).encode(), monkeypatch)


@pytest.mark.parametrize("header", ["memo", "text"])
def test_a_column_of_national_ids_refuses_the_file_either_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    chance = random.Random(1)
    rows = [[*good_row(chance)[:10], f" 90010{n % 10}-1234567"] for n in range(20)]
    data = csv_bytes([[*TYPES[:10], header], *rows])
    (counts, landed, _), was_fast = both(tmp_path, data, monkeypatch)
    assert counts[0] == "refused"
    assert landed == []
    assert not was_fast  # it never came to an end


@pytest.mark.parametrize(
    ("days", "landed"),
    [(["05/10/2026", "25/10/2026"], 20), (["05/10/2026"], 0), (["05/10/2026", "10/25/2026"], 20)],
)
def test_the_order_of_days_is_found_either_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: list[str], landed: int
) -> None:
    chance = random.Random(4)
    rows = [good_row(chance) for _ in range(20)]
    for number, row in enumerate(rows):
        row[0], row[5] = f"A{number}", days[number % len(days)]
    (counts, *_), was_fast = both(tmp_path, csv_bytes([list(TYPES), *rows]), monkeypatch)
    assert was_fast
    assert counts[2] == landed


def test_nothing_that_sql_calls_plain_is_refused_or_changed_by_the_checks() -> None:
    """Whatever is plain in SQL passes the check, and lands there as SQL lands it."""
    chance = random.Random(3)
    signs = "aZ09가힣 .,-_/:+@()'\"%TE\u1100\u200b\t０é"
    values = {*BAD, *ODD, *YES, *NO, *NOTHING}
    values |= {value for known in GOOD.values() for value in known}
    values |= {"".join(chance.choices(signs, k=chance.randint(1, 8))) for _ in range(4000)}
    days = [f"{year}-{month:02}-{day:02}" for year in (1899, 1988, 1990, 2024, 2100, 2101)
            for month in (0, 1, 2, 13) for day in (0, 1, 29, 31)]  # fmt: skip
    clocks = ["00:00:00", "23:59:59", "24:00:00", "23:60:00", "12:00:60"]
    values |= {*days, *(f"{day}{sep}{clock}" for day in days for clock in clocks for sep in " T")}
    values |= {f"90010{n % 10}{between}{n % 9}{n:06}" for n in range(3000)
               for between in ("-", "", " ", " - ", ".", "_", "/")}  # fmt: skip
    values |= {f"A{value}" for value in list(values)} | {"A_9001011234567", "a:0501013234566"}
    values |= {"900101-1234567", "900101-9234567", "1234567890123456", "0" * 50, "9" * 15}
    listed = sorted(value for value in values if value)
    connection = duckdb.connect()
    connection.execute("create table t (v varchar)")
    connection.executemany("insert into t values (?)", [[value] for value in listed])
    for kind in TYPES:
        plain = plain_sql.is_plain(kind, "v", SEOUL)
        text = plain_sql.landed(kind, "v", SEOUL)
        found = connection.execute(f"select v, {text} from t where {plain}").fetchall()
        check = checker(kind, SEOUL, {})
        assert found or kind in ("boolean", "choice")
        for value, landed in found:
            outcome = check(value)
            assert not isinstance(outcome, CellProblem), (kind, value)
            assert outcome == landed, (kind, value)
            assert kind in ("id", "text", "name") or not is_nothing(value), (kind, value)


@pytest.mark.parametrize(
    ("zone", "offset"),
    [("Asia/Seoul", "+09:00"), ("UTC", "+00:00"), ("Asia/Kolkata", "+05:30"), ("CET", None)],
)
def test_moments_are_plain_only_where_a_zone_has_one_offset(zone: str, offset: str | None) -> None:
    assert plain_sql.fixed_offset(ZoneInfo(zone)) == offset
    plain = plain_sql.is_plain("timestamp", "v", ZoneInfo(zone))
    assert (plain == "false") == (offset is None)
