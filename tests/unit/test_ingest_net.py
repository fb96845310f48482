"""One file never stops the others: whatever its reading throws, whatever it is called."""

import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import openpyxl
import pytest

from ingest_workspace import customers, own_project, put, workbook
from madang import ingest
from madang import work as room
from madang.ingest.checks import checking
from madang.ingest.errors import FileRefused, Unforeseen
from madang.ingest.propose import propose
from madang.ingest.readers import apart, delimited, fast_csv, packed
from madang.ingest.readers.apart import Reader
from madang.ingest.sources import read_sources
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse

HEAD = "outcome_id,product,status,occurred_at\n"
MOMENT = "2026-10-06T14:30:00+09:00"
Load = Callable[..., ingest.LoadReport]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return own_project(tmp_path, "crm", "offline")


@pytest.fixture
def offline(settings: Settings) -> Path:
    """The folder of outcomes, in which one good file stands at the end."""
    folder = settings.paths.inbox / "offline"
    put(folder / "zz_good.csv", outcomes("GOOD"))
    return folder


@pytest.fixture
def load(settings: Settings) -> Load:
    def run(*paths: Path) -> ingest.LoadReport:
        with open_warehouse(settings) as warehouse:
            return ingest.load(settings, warehouse, list(paths) or None)

    return run


def outcomes(*ids: str, at: str = MOMENT) -> str:
    return HEAD + "".join(f"{one},charger,installed,{at}\n" for one in ids)


def rows_of(settings: Settings, table: str = "offline_outcomes") -> list[dict[str, Any]]:
    with open_warehouse(settings) as warehouse:
        if not warehouse.exists("raw", table):
            return []
        return warehouse.fetch(f"from {warehouse.relation('raw', table)}")


def ids(settings: Settings) -> set[str]:
    return {row["outcome_id"] for row in rows_of(settings)}


def by_name(report: ingest.LoadReport) -> dict[str, ingest.FileReport]:
    return {file.name: file for file in report.files}


# --- the process apart --------------------------------------------------------------------------


def test_one_process_serves_all_questions_and_begins_anew_after_a_death() -> None:
    with Reader() as reader:
        first = reader.call(os.getpid)
        assert first not in (0, os.getpid())
        assert reader.call(os.getpid) == first
        with pytest.raises(FileRefused, match=r"SIGABRT.*4 GB"):
            reader.call(os.abort)
        assert reader.call(os.getpid) not in (first, os.getpid())


def test_memory_beyond_the_limit_is_refused_and_says_the_limit() -> None:
    with Reader() as reader:
        with pytest.raises(FileRefused, match="more than 4 GB of memory") as caught:
            reader.call(bytes, 64 * 2**30)
        assert "split the file" in str(caught.value.fix)
        assert reader.call(len, "abc") == 3


def test_a_file_that_is_never_read_to_its_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with Reader() as reader:
        assert reader.call(len, "a") == 1
        monkeypatch.setattr(apart, "MOST_SECONDS", 0.2)
        began = time.monotonic()
        with pytest.raises(FileRefused, match="limit"):
            reader.call(time.sleep, 60)
        assert time.monotonic() - began < 10


def test_an_error_over_there_has_its_kind_and_none_of_its_words() -> None:
    with Reader() as reader, pytest.raises(Unforeseen) as caught:
        reader.call(int, "010-1234-5678")
    assert caught.value.kind == "ValueError"
    assert "010" not in "".join([str(caught.value), *caught.value.__notes__])


# --- what a file throws -------------------------------------------------------------------------


def far_cell(path: Path) -> Path:
    """A workbook whose last cell is far away, which a look at the XML before does not see."""
    workbook(path, [HEAD.strip().split(","), ["X1", "charger", "installed", MOMENT]])
    far = (
        b"<row spans='1:1' r='1048576'><c t='inlineStr' r='XFD1048576'><is><t>x</t></is></c></row>"
    )
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in parts.items():
            new.writestr(name, data.replace(b"</sheetData>", far + b"</sheetData>"))
    return path


def test_a_workbook_that_aborts_its_reader_is_refused_and_the_others_load(
    load: Load, settings: Settings, offline: Path
) -> None:
    far_cell(offline / "a.xlsx")
    workbook(offline / "b.xlsx", [HEAD.strip().split(","), ["B1", "charger", "installed", MOMENT]])
    report = load()
    told = by_name(report)
    assert told["a.xlsx"].status == "refused"
    assert "4 GB of memory" in str(told["a.xlsx"].skipped_reason) and told["a.xlsx"].fix
    assert ids(settings) == {"B1", "GOOD"}
    assert report.exit_code == 3


@pytest.mark.parametrize("number", [1012345678, -1e12])
@pytest.mark.parametrize("form", ["[h]:mm:ss", "[mm]:ss"])
def test_a_number_that_its_format_cannot_hold_costs_its_row_alone(
    load: Load, settings: Settings, number: float, form: str
) -> None:
    rows = [[f"C{n:06d}", f"김마루{n}", "010-1234-5678"] for n in range(1, 11)]
    path = workbook(
        settings.paths.inbox / "crm" / "a.xlsx", [["고객번호", "이름", "휴대폰"], *rows]
    )
    book = openpyxl.load_workbook(path)
    book.active["C3"] = number
    book.active["C3"].number_format = form
    book.save(path)
    (file,) = load().files
    assert (file.status, file.rows, file.rejected) == ("loaded", 10, 1)
    landed = {row["customer_no"]: row["_row"] for row in rows_of(settings, "crm_customers")}
    assert landed == {f"C{n:06d}": n + 1 for n in range(1, 11) if n != 2}
    assert file.rejects_file is not None
    assert ",3,,," in file.rejects_file.read_text(encoding="utf-8-sig")


def test_what_nobody_foresaw_refuses_its_file_alone_and_no_value_is_in_the_log(
    load: Load, settings: Settings, offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(offline / "a.csv", outcomes("A1"))
    real, value = checking.choose_sheets, "010-1234-5678"

    def breaks(sheets: Any, table: Any) -> Any:
        if any("A1" in cells for _, cells in sheets[0].head):
            raise ZeroDivisionError(value)
        return real(sheets, table)

    monkeypatch.setattr(checking, "choose_sheets", breaks)
    report = load()
    told = by_name(report)["a.csv"]
    assert (told.status, report.exit_code, ids(settings)) == ("refused", 3, {"GOOD"})
    assert "ZeroDivisionError" in str(told.skipped_reason)
    (log,) = settings.paths.logs.glob("error-*.log")
    assert log.name in str(told.fix)
    text = log.read_text(encoding="utf-8")
    assert "breaks" in text and "010-1234" not in text


def test_a_mapping_is_not_proposed_for_a_workbook_that_aborts_its_reader(
    settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(FileRefused, match="4 GB of memory"):
        propose(settings, far_cell(tmp_path / "시승신청.xlsx"), None, tmp_path / "mapping.yml")
    assert not (tmp_path / "mapping.yml").exists()


# --- names --------------------------------------------------------------------------------------


def put_bytes(folder: Path, name: bytes, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / os.fsdecode(name)).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "name", [b"a" * 244 + b".csv", ("가" * 82).encode() + b".csv", b"a\xff\xfe.csv"]
)
def test_whatever_a_file_is_called_its_rejects_are_written_and_the_others_load(
    load: Load, settings: Settings, offline: Path, name: bytes
) -> None:
    put_bytes(offline, name, outcomes(*(f"A{n}" for n in range(9))) + outcomes("B", at="x")[38:])
    report = load()
    assert [file.status for file in report.files] == ["loaded", "loaded"]
    assert report.exit_code == 3
    (rejects,) = report.rejects_files
    assert len(os.fsencode(rejects.name)) <= 204
    assert len(ids(settings)) == 10
    assert all(row["_file"].isprintable() for row in rows_of(settings))


def test_a_name_forges_no_line_and_sends_nothing_to_the_terminal(
    settings: Settings, offline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_bytes(offline, b"a\x1b[2J\nzz_good.csv loaded\x9b.csv", outcomes("A1", at="x"))
    put_bytes(offline, b"b\x1b]0;x\x07.pdf", "x")
    sheet = workbook(offline / "c.xlsx", [["다른", "것"], [1, 2]], sheet="새\u202e시트")
    assert sheet.exists()
    room.load(settings)
    out = "".join(capsys.readouterr())
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(out)
    assert "a\\x1b[2J\\nzz_good.csv loaded" in out
    assert not any(line.startswith("zz_good.csv loaded") for line in out.splitlines())


def test_names_that_excel_would_compute_are_defused_in_the_rejects(
    load: Load, settings: Settings
) -> None:
    path = settings.paths.inbox / "crm" / "=1+1.xlsx"
    customers(
        path, *([f"C{n:06d}", "김마루", "010-1234-5678"] for n in range(9)), ["C9", "가", "x"]
    )
    book = openpyxl.load_workbook(path)
    book.active.title = "=HYPERLINK(1)"
    book.save(path)
    (file,) = load().files
    assert file.rejects_file is not None
    line = file.rejects_file.read_text(encoding="utf-8-sig").splitlines()[1]
    assert line.split(",")[:2] == ["'crm/=1+1.xlsx".removeprefix("'"), "'=HYPERLINK(1)"]


@pytest.mark.parametrize("reads", ["parquet", "csv"])
def test_a_name_is_no_pattern_of_other_names(
    load: Load, settings: Settings, monkeypatch: pytest.MonkeyPatch, reads: str
) -> None:
    monkeypatch.setattr(fast_csv, "FROM_BYTES", 0)
    mapping = settings.project_dir / "models/staging/offline/_offline__sources.yml"
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(text.replace('files: ["', 'files: ["offline/**/*.parquet", "', 1))
    folder = settings.paths.inbox / "offline"
    folder.mkdir(parents=True)
    for name in ("1", "[1]", "*"):
        path = folder / f"a{name}.{reads}"
        one = f"O{name}".translate(str.maketrans("[]*", "bbs"))
        if reads == "csv":
            path.write_text(outcomes(one))
            continue
        made = folder / "made"
        sql = f"select '{one}' outcome_id, 'charger' product, 'installed' status, '{MOMENT}' "
        duckdb.execute(f"copy ({sql} occurred_at) to '{made}' (format parquet)")
        made.rename(path)
    load()
    found = {(Path(row["_file"]).stem, row["outcome_id"]) for row in rows_of(settings)}
    assert found == {("a1", "O1"), ("a[1]", "Ob1b"), ("a*", "Os")}


def test_a_small_parquet_file_that_holds_far_too_much_text_is_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "MOST_TEXT", 2**20)
    path = tmp_path / "a.parquet"
    sql = f"select 'charger' product, 'installed' status, '{MOMENT}' occurred_at, 'O' outcome_id"
    duckdb.execute(f"copy ({sql} from range(500_000)) to '{path}' (format parquet)")
    (table,) = (t for t in read_sources(settings.project_dir) if t.source == "offline")
    with pytest.raises(FileRefused, match="which is the limit for a file so small"):
        checking.check_binary(path, table, ZoneInfo("Asia/Seoul"), tmp_path, "a.parquet")


# --- texts --------------------------------------------------------------------------------------


def test_a_whole_number_of_5000_digits_costs_its_row_alone(
    load: Load, settings: Settings, offline: Path
) -> None:
    element = '{{"outcome_id":"{}","product":"charger","status":"installed","occurred_at":"{}"{}}}'
    long = ',"value":' + "9" * 5000
    good = [element.format(f"J{n}", MOMENT, "") for n in range(9)]
    put(offline / "a.json", f"[{','.join([*good, element.format('LONG', MOMENT, long)])}]")
    put(offline / "b.json", f"[{element.format('ONLY', MOMENT, long)}]")
    put(offline / "c.ndjson", "\n".join([*good, element.format("LONG", MOMENT, long)]))
    told = by_name(load())
    assert (told["a.json"].status, told["a.json"].loaded, told["a.json"].rejected) == (
        "loaded",
        9,
        1,
    )
    assert "4,300 digits" in str(told["b.json"].skipped_reason)
    assert (told["c.ndjson"].loaded, told["c.ndjson"].rejected) == (9, 1)
    assert ids(settings) == {*(f"J{n}" for n in range(9)), "GOOD"}


def test_half_characters_in_json_are_told_and_stop_nothing(
    load: Load, settings: Settings, offline: Path
) -> None:
    put(offline / "a.json", '[{"\\ud800": 1}, "\\udfff"]')
    put(offline / "b.json", '[{"outcome_id": "J", "product": "charger", "status": "x\\ud800"}]')
    report = load()
    assert {file.status for file in report.files} >= {"refused", "loaded"}
    assert ids(settings) == {"GOOD"}


@pytest.mark.parametrize(
    "end", ["\x1a", "\n\x1a", "\x1a\n", "\x1a\x1a\x1a\n\x00\x00", "\x1a" * 99999]
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "utf-16", "utf-16-le", "utf-16-be"])
def test_ctrl_z_ends_a_text(load: Load, settings: Settings, encoding: str, end: str) -> None:
    text = "고객번호,이름\nC000001,김마루\nC000002,이소리" + end
    put(settings.paths.inbox / "crm" / "a.csv", text.encode(encoding))
    (file,) = load().files
    assert (file.status, file.rows, file.rejected) == ("loaded", 2, 0)
    found = {row["customer_no"]: row["name"] for row in rows_of(settings, "crm_customers")}
    assert found == {"C000001": "김마루", "C000002": "이소리"}


def test_ctrl_z_ends_json_and_a_large_csv_and_is_left_within_a_text(
    load: Load, settings: Settings, offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast_csv, "FROM_BYTES", 0)
    one = (
        f'{{"outcome_id":"J%s","product":"charger","status":"installed","occurred_at":"{MOMENT}"}}'
    )
    put(offline / "a.json", f"[{one % 1}]\x1a")
    put(offline / "b.ndjson", f"{one % 2}\n\x1a")
    put(offline / "c.csv", outcomes("J3") + "\x1a\r\n")
    put(offline / "d.csv", "\x1a")
    told = by_name(load())
    assert [told[name].status for name in sorted(told)] == [
        "loaded",
        "loaded",
        "loaded",
        "refused",
        "loaded",
    ]
    assert "empty" in str(told["d.csv"].skipped_reason)
    assert ids(settings) == {"J1", "J2", "J3", "GOOD"}
    text = outcomes(*(f"K{n}" for n in range(9)))
    put(offline / "e.csv", text + "\x1a\n" + outcomes("LAST").removeprefix(HEAD))
    (file,) = load(offline / "e.csv").files
    assert (file.loaded, file.rejected) == (10, 1)


def test_a_small_gz_that_becomes_far_too_large_says_the_limit(
    load: Load, settings: Settings, offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gzip

    monkeypatch.setattr(packed, "LEAST_BOUND", 2**20)
    data = gzip.compress(outcomes("A1").encode() + b"x" * 2**26 + b"\n", mtime=0)
    put(offline / "a.csv.gz", data)
    put(offline / "b.csv.gz", gzip.compress(outcomes("B1").encode(), mtime=0))
    told = by_name(load())
    reason = str(told["a.csv.gz"].skipped_reason)
    assert (told["a.csv.gz"].status, "limit" in reason) == ("refused", True)
    assert f"{len(data) * packed.MOST_TIMES >> 20} MB" in reason
    assert "unpack it" in str(told["a.csv.gz"].fix)
    assert ids(settings) == {"B1", "GOOD"}


@pytest.mark.parametrize("fill", ["x", ",", '"', " "])
def test_a_line_without_end_costs_its_row_alone_and_little_memory(
    load: Load, settings: Settings, offline: Path, monkeypatch: pytest.MonkeyPatch, fill: str
) -> None:
    import tracemalloc

    monkeypatch.setattr(delimited, "LONGEST_LINE", 100_000)
    text = outcomes(*(f"A{n}" for n in range(9))) + fill * 20_000_000 + "\n"
    put(offline / "a.csv", text + outcomes("LAST").removeprefix(HEAD))
    monkeypatch.setattr(fast_csv, "FROM_BYTES", 2**40)
    tracemalloc.start()
    report = load(offline / "a.csv")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (file,) = report.files
    assert (file.loaded, file.rejected) == (10, 1)
    assert report.problems[0].code == "line_too_long"
    assert peak < 15e6


def test_a_row_of_very_many_blanks_takes_no_more_room_than_the_others(
    load: Load, settings: Settings, offline: Path
) -> None:
    import tracemalloc

    text = outcomes(*(f"A{n}" for n in range(5000)))
    put(offline / "a.csv", text + outcomes("WIDE").removeprefix(HEAD).strip() + "," * 16_000)
    tracemalloc.start()
    (file,) = load(offline / "a.csv").files
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (file.loaded, file.rejected) == (5001, 0)
    assert peak < 60e6


def test_objects_of_ever_other_keys_are_no_table(load: Load, offline: Path) -> None:
    put(offline / "a.json", "[" + ",".join(f'{{"k{n}": 1}}' for n in range(5000)) + "]")
    told = by_name(load())["a.json"]
    assert (told.status, "2,000 different keys" in str(told.skipped_reason)) == ("refused", True)


# --- what was cut off ---------------------------------------------------------------------------


def cut_off(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("madang.ingest.one_file.record", die)
        with pytest.raises(KeyboardInterrupt):
            load()


def test_the_ledger_knows_all_of_a_file_that_landed_in_a_load_that_was_killed(
    load: Load, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = outcomes(*(f"A{n}" for n in range(9))) + outcomes("B", at="x").removeprefix(HEAD)
    put(settings.paths.inbox / "offline" / "a.csv", text)
    cut_off(load, monkeypatch)
    assert rows_of(settings, "_files") == []
    (file,) = load().files
    assert file.status == "already loaded"
    assert "1 rows were rejected then" in str(file.skipped_reason)
    (entry,) = rows_of(settings, "_files")
    assert (entry["rows"], entry["loaded"], entry["rejected"]) == (10, 9, 1)
    assert (settings.paths.rejects / entry["rejects_file"]).exists()
    load()
    assert len(rows_of(settings, "_files")) == 1
    assert len(rows_of(settings)) == 9


def test_a_file_that_landed_in_a_killed_load_and_is_gone_has_its_rows_in_the_ledger(
    load: Load, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings.paths.inbox / "offline"
    path = put(folder / "a.csv", outcomes("A1", "A2"))
    cut_off(load, monkeypatch)
    path.unlink()
    put(folder / "b.csv", outcomes("B1"))
    load()
    entries = {one["file"]: one for one in rows_of(settings, "_files")}
    assert (entries["offline/a.csv"]["rows"], entries["offline/a.csv"]["loaded"]) == (2, 2)
    assert entries["offline/a.csv"]["rejected"] is None


# --- what the receiver took ---------------------------------------------------------------------


def test_an_inbox_of_calls_that_cannot_be_read_does_not_stop_the_files(
    load: Load, settings: Settings, offline: Path
) -> None:
    put(settings.paths.received, b"SQLite format 3\x00" + b"\xff" * 5000)
    report = load()
    told = by_name(report)
    assert (told["received.sqlite"].status, told["zz_good.csv"].status) == ("refused", "loaded")
    assert told["received.sqlite"].fix
    assert report.exit_code == 3
