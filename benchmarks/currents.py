"""How long Braze Currents take to load, beside fastavro reading the same files and nothing else.

    python benchmarks/currents.py [--events 1000000] [--write]

The load reads in one thread and writes in another, so that its wall seconds need two processors
with nothing else to do; its CPU seconds are those of both. `the least` is what no load can do
without: fastavro's reading, and the same rows, ready as Parquet, into a table of the warehouse.
`--write` puts the table into docs/benchmarks.md.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import duckdb
import fastavro
from processes import machine, met, table
from processes import write as write_section

from madang import ingest
from madang.demo.currents import avro_schema, event_fields
from madang.settings.workspace import load_settings
from madang.warehouse import open_warehouse
from madang.warehouse.duckdb import STORAGE

TYPES = ("email.Send", "email.Delivery", "email.Open", "email.Click", "pushnotification.Send")
IN_A_FILE = 15_000  # as many as Braze puts into one
BAR = 1.5
VALUES = {"int": 1_793_458_799, "long": 1_793_458_799, "float": 3.14, "boolean": False}


def write(root: Path, events: int) -> list[Path]:
    """Write files as Braze does; a third of what may be null is."""
    number, paths = count(), []
    while len(paths) * IN_A_FILE < events:
        event_type = f"users.messages.{TYPES[len(paths) % len(TYPES)]}"
        fields = event_fields()[event_type]
        records = []
        for n in (next(number) for _ in range(IN_A_FILE)):
            record = {}
            for at, (name, kind) in enumerate(fields.items()):
                plain = kind.removeprefix("?")
                text = f"{name[:8]}-{n:08d}-0000-4000-8000-000000000000"
                value = [text] if plain == "array" else VALUES.get(plain, text)
                record[name] = None if kind.startswith("?") and at % 3 == 0 else value
            records.append(record)
        folder = root / f"inbox/braze/dataexport/event_type={event_type}/date=2026-10-31-15/10/a"
        folder.mkdir(parents=True, exist_ok=True)
        paths.append(folder / f"dataexport+0+{len(paths)}.avro")
        with paths[-1].open("wb") as file:
            fastavro.writer(file, avro_schema(event_type, fields), records)
    return paths


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of some work in this process."""
    began, used = time.perf_counter(), cpu()
    work()
    return time.perf_counter() - began, cpu() - used


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def bare(paths: list[Path]) -> None:
    """Read the files into Python."""
    for path in paths:
        with path.open("rb") as file:
            for _ in fastavro.reader(file):
                pass


def only_written(warehouse: Path, folder: Path) -> tuple[float, float]:
    """What writing the loaded rows into another warehouse takes, when they are there as Parquet."""
    parquet = folder / "events.parquet"
    with duckdb.connect(str(warehouse), read_only=True) as db:
        db.execute(f"copy madang_raw.braze_events to '{parquet}' (format parquet)")
    config = {"threads": 2, "storage_compatibility_version": STORAGE}
    with duckdb.connect(str(folder / "other.duckdb"), config=config) as db:
        return timed(lambda: db.execute(f"create table events as from '{parquet}'"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        project = Path(__file__).resolve().parents[1]
        text = f"version: 1\nproject: {project}\npaths: {{inbox: inbox}}\n"
        (root / "madang.yml").write_text(f"{text}warehouse: {{path: w.duckdb}}\n")
        paths = write(root, options.events)
        settings = load_settings(root)
        reading = timed(lambda: bare(paths))
        with open_warehouse(settings) as warehouse:
            loading = timed(lambda: ingest.load(settings, warehouse))
            again = timed(lambda: ingest.load(settings, warehouse))
        writing = only_written(root / "w.duckdb", root)
    least = (max(reading[0], writing[0]), reading[1] + writing[1])
    rows = [line("fastavro, bare", reading, reading), line("the least", least, reading)]
    rows.append(line("load", loading, reading, BAR))
    rows.append(line("the same again", again, reading))
    events = len(paths) * IN_A_FILE
    command = f"python benchmarks/currents.py --events {options.events}"
    head = ("", "wall s", "CPU s", "ratio", "CPU", "bar", "met")
    told = (
        f"## Braze Currents\n\n`{command}` on {machine('duckdb', 'fastavro')}.\n\n"
        f"{events:,} events in {len(paths)} files, landed as text with file, row, hash and time. "
        "`The least`: fastavro's reading, and the same rows from Parquet into a table; of their "
        f"wall seconds the greater.\n\n{table(head, rows)}"
    )
    print(told)
    if options.write:
        write_section("currents", told)


def line(
    name: str, took: tuple[float, float], base: tuple[float, float], bar: float | None = None
) -> tuple[str, ...]:
    """A row of the table: `bar` is for the ratio of wall seconds."""
    ratio, of_cpu = took[0] / base[0], took[1] / base[1]
    limit = ("", "") if bar is None else (f"≤ {bar}", met(ratio <= bar))
    return (name, f"{took[0]:.2f}", f"{took[1]:.2f}", f"{ratio:.2f}", f"{of_cpu:.2f}", *limit)


if __name__ == "__main__":
    main()
