"""Events of many Currents files on their way to the raw layer: text on disk, then one Parquet."""

import os
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from madang import scratch
from madang.ingest.currents.lines import OTHER, ReadEvents, read_events
from madang.ingest.landing.land import escaped, naive, quiet_about_values
from madang.ingest.landing.spool_lines import LAYOUT, line_of
from madang.ingest.readers.apart import Reader

FILES = {"number": "bigint", "file": "varchar", "sha256": "varchar", "type": "varchar"}
NUMBERS = {"_file_no": "bigint", "_row": "bigint"}


class EventSpool:
    """Events of files until they land together."""

    def __init__(self, folder: Path, reader: Reader) -> None:
        self.rows = 0
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self._reader = reader
        self._number = 0
        self._read: dict[Path, ReadEvents] = {}  # the last file of each file of lines
        self._files: list[tuple[str, str, str, str]] = []

    def add(self, path: Path, file: str, sha256: str, columns: Sequence[str]) -> ReadEvents:
        """Keep one file's rows. Raises what reading them raises, and then keeps none of them."""
        read = self.look(path, file, columns, keep=True)
        self._read[read.lines] = read
        self._files.append((str(self._number), file, sha256, read.event_type))
        self.rows += read.count
        return read

    def drop_last(self, read: ReadEvents) -> None:
        """Take back the file that was added last; its lines are nobody's then."""
        self._files.pop()
        self.rows -= read.count

    def look(
        self, path: Path, file: str, columns: Sequence[str], *, keep: bool = False
    ) -> ReadEvents:
        """Read one file to say what it holds, without keeping its rows."""
        self._number += 1
        arguments = (path, file, tuple(columns), self._folder, self._number)
        try:
            read = self._reader.call(read_events, *arguments)
        except BaseException:
            self._cut_back()
            raise
        if not keep:
            self._cut_back()
        return read

    def _cut_back(self) -> None:
        """Take off the lines of a file that is not kept."""
        for lines in self._folder.iterdir():
            known = self._read.get(lines)
            os.truncate(lines, known.size if known else 0)

    def to_parquet(self, columns: Sequence[str], loaded_at: datetime) -> Path:
        """Write what is kept as Parquet, with every declared column and where it came from."""
        parquet = self._folder / "events.parquet"
        moment = naive(loaded_at).isoformat(sep=" ")
        queries = " union all ".join(_query(one, columns, moment) for one in self._read.values())
        files = parquet.with_suffix(".files")
        files.write_text("".join(f"{line_of(one)}\n" for one in self._files), encoding="utf-8")
        with scratch.database(self._folder, threads=1) as connection, quiet_about_values():
            read = f"read_csv('{escaped(files)}', columns = {FILES!r}, {LAYOUT})"
            connection.execute(f"create table files as from {read}")
            connection.execute(
                f"copy ({queries}) to '{escaped(parquet)}' (format parquet, compression lz4_raw)"
            )
        files.unlink()
        for lines in self._read:
            lines.unlink()
        return parquet


def _query(read: ReadEvents, columns: Sequence[str], loaded_at: str) -> str:
    """SQL for the events with every declared column, and where they came from."""
    picked = ", ".join(_picked(read, name) for name in [*columns, OTHER])
    types = {**NUMBERS, **dict.fromkeys(read.names, "varchar")}
    return f"""
        select files.type as event_type, {picked}, files.file as _file, null::varchar as _sheet,
            events._row, files.sha256 as _sha256, '{loaded_at}'::timestamp as _loaded_at
        from read_csv('{escaped(read.lines)}', columns = {types!r}, {LAYOUT}) as events
        inner join files on events._file_no = files.number"""


def _picked(read: ReadEvents, name: str) -> str:
    """A column of the raw table in SQL; Python writes True where JSON has true."""
    if name not in read.names:
        return f'null::varchar as "{name}"'
    value = f'events."{name}"'
    return f'lower({value}) as "{name}"' if name in read.booleans else value
