"""What bringing files in costs, beside the bare readers of the same files, all in one run.

    python benchmarks/ingest.py [--excel-rows 100000] [--csv-rows 5000000] [--files 500] [--write]

Prints wall and CPU seconds, peak memory and the ratio to the bare reader, the best of the rounds;
`--write` puts the table into docs/benchmarks.md.
Each step is a process of its own. Machines differ and are noisy, so the ratios count.

Excel, 20 columns: `load` against calamine giving every cell to Python. `read and check` leaves out
writing to the warehouse. CSV, 8 columns: `load` (every value checked, with file, row, hash and
time) against DuckDB's own reader writing the same file into a table as text. Folder: a load of many
files, and the same again.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from processes import Cost, machine, met, table, write
from processes import run as run_process

KINDS = "id name phone email text text date timestamp amount integer boolean choice text text"
EXCEL_TYPES = [*KINDS.split(" "), "amount", "integer", "date", "text", "text", "text"]
CSV_TYPES = ["id", "name", "phone", "email", "timestamp", "amount", "integer", "choice"]
CALAMINE = """
import io, sys
from python_calamine import CalamineWorkbook
book = CalamineWorkbook.from_filelike(io.BytesIO(open(sys.argv[1], "rb").read()))
print(sum(len(row) for row in book.get_sheet_by_index(0).iter_rows()))
"""
DUCKDB = """
import duckdb, sys
connection = duckdb.connect(sys.argv[2], config={"threads": 2})
connection.execute(f"create or replace table t as from read_csv('{sys.argv[1]}', all_varchar=true)")
connection.close()
"""
CHECK = """
import sys, tempfile
from pathlib import Path
from zoneinfo import ZoneInfo
from madang.settings.workspace import load_settings
from madang.ingest.readers.sheets import open_sheets
from madang.ingest.checks.rows import check_rows, peek
from madang.ingest.sources import read_sources
(table,) = read_sources(load_settings(Path(sys.argv[2])).project_dir)
with tempfile.TemporaryDirectory() as scratch:
    (sheet,) = open_sheets(Path(sys.argv[1]), lambda text: False, Path(scratch))
    found = peek(sheet, table)
    take = lambda *_: None
    result = check_rows(found, found.header, table, ZoneInfo("Asia/Seoul"), take, take)
assert result.rejected == 0, result
"""
LOAD = """
import sys
from pathlib import Path
from madang import ingest
from madang.settings.workspace import load_settings
from madang.warehouse import open_warehouse
settings = load_settings(Path(sys.argv[1]))
with open_warehouse(settings) as warehouse:
    report = ingest.load(settings, warehouse)
assert report.exit_code == 0, report.files[0]
"""
NOTHING = "import madang.ingest, duckdb, python_calamine"


def workspace(root: Path, types: list[str]) -> Path:
    """Make a workspace with one source `things`; return the folder for its files."""
    columns = []
    for at, kind in enumerate(types):
        choices = ", choices: {open: [], closed: []}" if kind == "choice" else ""
        required = ", required: true" if at == 0 else ""
        columns.append(f"          - name: c{at}_{kind}")
        columns.append(f"            config: {{meta: {{type: {kind}{required}{choices}}}}}")
    mapping = root / "models" / "staging" / "things" / "_things__sources.yml"
    mapping.parent.mkdir(parents=True)
    load = "{files: ['things/*'], mode: delta, key: [c0_id]}"
    head = [
        "sources:",
        "  - name: things",
        "    tables:",
        "      - name: things",
        f"        config: {{meta: {{load: {load}}}}}",
        "        columns:",
    ]
    mapping.write_text("\n".join([*head, *columns]) + "\n")
    (root / "dbt_project.yml").write_text("name: bench\nversion: '1.0'\n")
    (root / "madang.yml").write_text("version: 1\n")
    folder = root / "inbox" / "things"
    folder.mkdir(parents=True)
    return folder


def make_excel(path: Path, rows: int) -> None:
    """A workbook of 20 columns: ids, people, days, amounts, words."""
    import datetime as dt

    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append([f"c{at}_{kind}" for at, kind in enumerate(EXCEL_TYPES)])
    start = dt.datetime(2026, 1, 1)
    for n in range(rows):
        values = {
            "id": f"C{n:07}",
            "name": ("김마루", "이소리", "박하늘")[n % 3],
            "phone": f"010-{1000 + n % 9000}-{n % 10000:04}",
            "email": f"u{n}@maru.example",
            "date": start.date() + dt.timedelta(n % 300),
            "timestamp": start + dt.timedelta(seconds=n * 37),
            "amount": n * 100,
            "integer": n % 50,
            "boolean": "Y",
            "choice": "open",
        }
        sheet.append([values.get(k, f"text {n % 100} {at}") for at, k in enumerate(EXCEL_TYPES)])
    book.save(path)


def make_csv(path: Path, rows: int) -> None:
    """A CSV of 8 columns, written by DuckDB."""
    import duckdb

    names = [f"c{at}_{kind}" for at, kind in enumerate(CSV_TYPES)]
    values = [
        "'C' || lpad(n::varchar, 8, '0')",
        "['김마루', '이소리', '박하늘'][n % 3 + 1]",
        "'010-' || (1000 + n % 9000) || '-' || lpad((n % 10000)::varchar, 4, '0')",
        "'u' || n || '@maru.example'",
        "strftime(timestamp '2026-01-01' + to_seconds(n * 7), '%Y-%m-%d %H:%M:%S')",
        "n * 100",
        "n % 50",
        "['open', 'closed'][n % 2 + 1]",
    ]
    chosen = ", ".join(f"{v} as {name}" for v, name in zip(values, names, strict=True))
    duckdb.execute(f"copy (select {chosen} from range({rows}) t(n)) to '{path}' (header)")


def best(rounds: list[Cost]) -> Cost:
    """The least of each figure over the rounds, of memory the most."""
    return Cost(
        min(one.wall for one in rounds),
        min(one.cpu for one in rounds),
        max(one.memory for one in rounds),
    )


def fresh(root: Path) -> None:
    """Forget what was loaded."""
    (root / "warehouse.duckdb").unlink(missing_ok=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--excel-rows", type=int, default=100_000)
    arguments.add_argument("--csv-rows", type=int, default=5_000_000)
    arguments.add_argument("--files", type=int, default=500)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    options = arguments.parse_args()
    results: dict[str, list[Cost]] = {}

    def run(name: str, code: str, *given: object) -> None:
        command = [sys.executable, "-c", code, *map(str, given)]
        results.setdefault(name, []).append(run_process(command))

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        excel, text, many = (root / name for name in ("excel", "csv", "many"))
        book = workspace(excel, EXCEL_TYPES) / "a.xlsx"
        delimited = workspace(text, CSV_TYPES) / "a.csv"
        small = workspace(many, CSV_TYPES)
        make_excel(book, options.excel_rows)
        make_csv(delimited, options.csv_rows)
        make_csv(small / "0.csv", 100)
        head, *lines = (small / "0.csv").read_text(encoding="utf-8").splitlines()
        for number in range(options.files):
            own = [line.replace("C0", f"F{number}-0", 1) for line in lines]
            (small / f"{number}.csv").write_text("\n".join([head, *own]), encoding="utf-8")
        time.sleep(2.1)  # so that the files' metadata are trusted
        for _ in range(options.rounds):
            run("start", NOTHING)
            run("excel: calamine, bare", CALAMINE, book)
            run("excel: read and check", CHECK, book, excel)
            run("excel: load", LOAD, excel)
            run("csv: DuckDB's reader", DUCKDB, delimited, root / "bare.duckdb")
            run("csv: load", LOAD, text)
            run("folder: first load", LOAD, many)
            run("folder: second load", LOAD, many)
            for one in (excel, text, many, root / "bare"):
                fresh(one)
            (root / "bare.duckdb").unlink()
    size = f"--excel-rows {options.excel_rows} --csv-rows {options.csv_rows}"
    command = f"python benchmarks/ingest.py {size} --files {options.files}"
    head = ("", "wall s", "CPU s", "peak MB", "ratio", "CPU", "bar", "met")
    text = (
        f"## Files\n\n`{command}` on {machine('duckdb', 'python-calamine')}. Each step is a "
        f"process of its own, the best of {options.rounds}; ratios are to the bare reader, of the "
        f"folder to its first load.\n\n"
        f"{options.excel_rows:,} × {len(EXCEL_TYPES)} in Excel, {options.csv_rows:,} × "
        f"{len(CSV_TYPES)} in CSV, {options.files} files.\n\n"
        + table(head, rows({name: best(rounds) for name, rounds in results.items()}))
    )
    print(text)
    if options.write:
        write("ingest", text)


def rows(costs: dict[str, Cost]) -> list[tuple[str, ...]]:
    """The table; reading and checking is without the start of Python and its imports."""
    start = costs["start"]
    check, csv = costs["excel: read and check"], costs["csv: load"]
    bars = {
        "excel: read and check": (
            "< 3 s beyond the start, < 300 MB",
            check.cpu - start.cpu < 3 and check.memory < 300,
        ),
        "csv: load": ("≤ 2 × the bare reader", csv.wall <= 2 * costs["csv: DuckDB's reader"].wall),
    }
    bases = {
        "excel": costs["excel: calamine, bare"],
        "csv": costs["csv: DuckDB's reader"],
        "folder": costs["folder: first load"],
    }
    told = []
    for name, cost in costs.items():
        base = bases.get(name.partition(":")[0])
        ratios = (cost.wall / base.wall, cost.cpu / base.cpu) if base else ()
        bar, is_met = bars.get(name, ("", None))
        verdict = "" if is_met is None else met(is_met)
        figures = (f"{cost.wall:.2f}", f"{cost.cpu:.2f}", f"{cost.memory:.0f}")
        of_bare = [f"{ratio:.2f}" for ratio in ratios] or ["", ""]
        told.append((name, *figures, *of_bare, bar, verdict))
    return told


if __name__ == "__main__":
    main()
