"""Events of many Currents files on their way to the raw layer: text on disk, then one Parquet."""

import csv
import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from madang.ingest.avro_events import OTHER, Row
from madang.ingest.landing import quiet_about_values

NUMBERS = {"_file_no": "bigint", "_row": "bigint"}


class EventSpool:
    """Events of files that share their columns, until they land together.

    A file's rows are in as a whole or, where reading it fails, not at all.
    """

    def __init__(self, folder: Path, names: tuple[str, ...], booleans: tuple[str, ...]) -> None:
        self.names, self.booleans = names, booleans
        self.rows = 0
        self._files: list[tuple[int, str, str, str]] = []
        handle = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed by to_parquet
            "w", encoding="utf-8", newline="", suffix=".csv", dir=folder, delete=False
        )
        self._target, self._csv = handle, Path(handle.name)
        self._write = csv.writer(handle, lineterminator="\n")

    def takes(self, names: tuple[str, ...], booleans: tuple[str, ...]) -> bool:
        """Whether a file with these columns can land together with those before it."""
        return (names, booleans) == (self.names, self.booleans)

    def add(self, file: str, sha256: str, event_type: str, rows: Iterable[Row]) -> int:
        """Keep one file's rows; return how many. Raises what reading them raises."""
        number, start = len(self._files), self._target.tell()
        before = self.rows
        try:
            self._write.writerows(self._counted(number, rows))
        except BaseException:
            self._target.seek(start)
            self._target.truncate()
            self.rows = before
            raise
        self._files.append((number, file, sha256, event_type))
        return self.rows - before

    def _counted(self, number: int, rows: Iterable[Row]) -> Iterable[Row]:
        for row in rows:
            self.rows += 1
            yield (number, *row)

    def _picked(self, name: str) -> str:
        """A column of the raw table in SQL; Python writes True where JSON has true."""
        if name not in self.names:
            return f'null::varchar as "{name}"'
        value = f'events."{name}"'
        return f'lower({value}) as "{name}"' if name in self.booleans else value

    def to_parquet(self, columns: Sequence[str], loaded_at: datetime) -> Path:
        """Write what is kept as Parquet, with every declared column and where it came from."""
        self._target.close()
        parquet = self._csv.with_suffix(".parquet")
        types = {**NUMBERS, **dict.fromkeys(self.names, "varchar")}
        picked = [self._picked(name) for name in [*columns, OTHER]]
        with duckdb.connect(config={"threads": 1}) as connection, quiet_about_values():
            connection.execute(
                "create table files (number bigint, file varchar, sha256 varchar, type varchar)"
            )
            connection.executemany("insert into files values (?, ?, ?, ?)", self._files)
            target = str(parquet).replace("'", "''")
            connection.execute(
                f"""
                copy (
                    select
                        files.type as event_type,
                        {", ".join(picked)},
                        files.file as _file,
                        null::varchar as _sheet,
                        events._row,
                        files.sha256 as _sha256,
                        $loaded_at::timestamp as _loaded_at
                    from read_csv($csv, columns = {types!r}, header = false, delim = ',',
                        quote = '"', escape = '"', auto_detect = false, new_line = '\\n',
                        max_line_size = 33554432) as events
                    inner join files on events._file_no = files.number
                ) to '{target}' (format parquet)
                """,
                {"loaded_at": loaded_at, "csv": str(self._csv)},
            )
        self._csv.unlink()
        return parquet
