"""Events of many Currents files on their way to the raw layer: text on disk, then one Parquet.

Files of one event type, or of types with the same fields, share a text file.
"""

import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from madang import scratch
from madang.ingest.avro_events import OTHER, Events, Row
from madang.ingest.landing import escaped, naive, quiet_about_values
from madang.ingest.spool_lines import BETWEEN, LAYOUT, line_of

FILES = {"number": "bigint", "file": "varchar", "sha256": "varchar", "type": "varchar"}
NUMBERS = {"_file_no": "bigint", "_row": "bigint"}
Shape = tuple[tuple[str, ...], tuple[str, ...]]  # names of columns, and which are booleans


class _Lines:
    """A text file with the events of one shape."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.names, self.booleans = shape
        self.rows = 0
        handle = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed by to_parquet
            "w", encoding="utf-8", newline="", suffix=".csv", dir=folder, delete=False
        )
        self.target, self.path = handle, Path(handle.name)

    def add(self, number: int, rows: Iterable[Row]) -> int:
        """Add a file's rows, all of them or, where reading them fails, none; return how many."""
        start, before = self.target.tell(), self.rows
        write = self.target.write
        try:
            for row in rows:
                texts = [
                    value if value.__class__ is str else "" if value is None else str(value)
                    for value in row
                ]
                write(f"{number}{BETWEEN}{line_of(texts)}\n")
                self.rows += 1
        except BaseException:
            self.target.seek(start)
            self.target.truncate()
            self.rows = before
            raise
        return self.rows - before

    def query(self, columns: Sequence[str], loaded_at: str) -> str:
        """SQL for the events with every declared column, and where they came from."""
        picked = ", ".join(self._picked(name) for name in [*columns, OTHER])
        types = {**NUMBERS, **dict.fromkeys(self.names, "varchar")}
        return f"""
            select files.type as event_type, {picked}, files.file as _file, null::varchar as _sheet,
                events._row, files.sha256 as _sha256, '{loaded_at}'::timestamp as _loaded_at
            from read_csv('{escaped(self.path)}', columns = {types!r}, {LAYOUT}) as events
            inner join files on events._file_no = files.number"""

    def _picked(self, name: str) -> str:
        """A column of the raw table in SQL; Python writes True where JSON has true."""
        if name not in self.names:
            return f'null::varchar as "{name}"'
        value = f'events."{name}"'
        return f'lower({value}) as "{name}"' if name in self.booleans else value


class EventSpool:
    """Events of files until they land together."""

    def __init__(self, folder: Path) -> None:
        self.rows = 0
        self._folder = folder
        self._lines: dict[Shape, _Lines] = {}
        self._files: list[tuple[str, str, str, str]] = []

    def add(self, file: str, sha256: str, events: Events) -> int:
        """Keep one file's rows; return how many. Raises what reading them raises, and then keeps
        none of them.
        """
        shape = (events.names, events.booleans)
        if shape not in self._lines:
            self._lines[shape] = _Lines(self._folder, shape)
        number = len(self._files)
        count = self._lines[shape].add(number, events.rows)
        self._files.append((str(number), file, sha256, events.event_type))
        self.rows += count
        return count

    def to_parquet(self, columns: Sequence[str], loaded_at: datetime) -> Path:
        """Write what is kept as Parquet, with every declared column and where it came from."""
        for lines in self._lines.values():
            lines.target.close()
        parquet = next(iter(self._lines.values())).path.with_suffix(".parquet")
        moment = naive(loaded_at).isoformat(sep=" ")
        queries = " union all ".join(one.query(columns, moment) for one in self._lines.values())
        files = parquet.with_suffix(".files")
        files.write_text("".join(f"{line_of(one)}\n" for one in self._files), encoding="utf-8")
        with scratch.database(self._folder, threads=1) as connection, quiet_about_values():
            read = f"read_csv('{escaped(files)}', columns = {FILES!r}, {LAYOUT})"
            connection.execute(f"create table files as from {read}")
            connection.execute(
                f"copy ({queries}) to '{escaped(parquet)}' (format parquet, compression lz4_raw)"
            )
        files.unlink()
        for lines in self._lines.values():
            lines.path.unlink()
        return parquet
