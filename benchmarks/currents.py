"""How long Braze Currents take to load, beside fastavro reading the same files and nothing else.

    python benchmarks/currents.py [events]

Prints one line. Of several runs take the smallest; the machine should do nothing else, as loading
reads in one thread and writes in another.
"""

import sys
import tempfile
import time
from itertools import count
from pathlib import Path

import fastavro

from madang import ingest
from madang.config import load_settings
from madang.demo.currents import avro_schema, event_fields
from madang.warehouse import open_warehouse

TYPES = ("email.Send", "email.Delivery", "email.Open", "email.Click", "pushnotification.Send")
IN_A_FILE = 15_000  # as many as Braze puts into one
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


def bare(paths: list[Path]) -> float:
    """Seconds that fastavro takes to read the files into Python."""
    began = time.perf_counter()
    for path in paths:
        with path.open("rb") as file:
            for _ in fastavro.reader(file):
                pass
    return time.perf_counter() - began


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        project = Path(__file__).resolve().parents[1]
        text = f"version: 1\nproject: {project}\npaths: {{inbox: inbox}}\n"
        (root / "madang.yml").write_text(f"{text}warehouse: {{path: w.duckdb}}\n")
        paths = write(root, events)
        settings = load_settings(root)
        reading = bare(paths)
        with open_warehouse(settings) as warehouse:
            began = time.perf_counter()
            report = ingest.load(settings, warehouse)
            loading = time.perf_counter() - began
            began = time.perf_counter()
            ingest.load(settings, warehouse)
            again = time.perf_counter() - began
    print(
        f"{report.rows:,} events: fastavro {reading:.1f} s, load {loading:.1f} s "
        f"({loading / reading:.2f} times), second load {again:.2f} s"
    )


if __name__ == "__main__":
    main()
