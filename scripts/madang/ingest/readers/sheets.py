"""Opens a file of any known format as sheets: numbered rows of cells. Knows nothing of mappings."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from madang.ingest.checks.problems import BadLine
from madang.ingest.errors import FileRefused
from madang.ingest.readers.cells import Cell
from madang.ingest.readers.delimited import TextTable, open_delimited
from madang.ingest.readers.inputs import plainly_named, without_end_sign
from madang.ingest.readers.jsonfiles import read_json, read_json_lines
from madang.ingest.readers.packed import unpack_gzip
from madang.names import shown

NumberedRow = tuple[int, list[Cell] | BadLine]


@dataclass(frozen=True)
class Sheet:
    """A table of a file. Rows are numbered as Excel shows them (JSON: by line or element).

    `text` says how a CSV is written. `is_1904`: numbers that mean days are counted from 1904.
    `notes` are about the whole file.
    """

    name: str | None
    rows: Iterator[NumberedRow]
    text: TextTable | None = None
    is_1904: bool = False
    notes: tuple[str, ...] = ()

    @property
    def is_delimited(self) -> bool:
        """Whether it is a CSV or TSV, in which a bare comma shifts a row."""
        return self.text is not None


# Which reader opens a file, by its ending. Avro is read by its own source format (currents).
READERS: dict[str, str] = {
    ".xlsx": "workbook",
    ".xlsm": "workbook",
    ".xls": "workbook",
    ".xlsb": "workbook",
    ".ods": "workbook",
    ".csv": "delimited",
    ".tsv": "delimited",
    ".txt": "delimited",
    ".json": "json",
    ".ndjson": "json lines",
    ".jsonl": "json lines",
    ".parquet": "parquet",
}


# Native code reads these; see `readers/apart.py`.
BINARY = ("workbook", "parquet")


def is_binary(name: str) -> bool:
    """Whether a file is read by native code, by its name."""
    return kind_of(name) in BINARY


def kind_of(name: str) -> str | None:
    """The reader of a file by its name, `.gz` or not."""
    return READERS.get(PurePath(name.lower().removesuffix(".gz")).suffix)


def open_sheets(path: Path, is_header: Callable[[str], bool], scratch: Path) -> list[Sheet]:
    """Return the visible sheets of a file, by its ending; `.gz` is unpacked into `scratch` first.

    `is_header` says whether a text is a known header: it decides between delimiters. Raises
    FileRefused for an empty, damaged, protected or unknown file, here or while rows are read.
    """
    kind = kind_of(path.name)
    if kind is None:
        ending = shown(PurePath(path.name.lower().removesuffix(".gz")).suffix)
        raise FileRefused(
            f"Files ending in '{ending}' cannot be read.",
            fix=f"Save it as one of: {', '.join(READERS)} (plain or .gz).",
        )
    plain = unpack_gzip(path, scratch) if path.name.lower().endswith(".gz") else path
    if kind not in BINARY:
        plain = without_end_sign(plain, scratch)
    if _is_blank(plain):
        raise FileRefused("The file is empty.", fix="Export it again.")
    if kind == "workbook":
        from madang.ingest.readers.workbooks import read_workbook

        book = read_workbook(plain)
        return [
            Sheet(shown(name), rows, is_1904=book.is_1904, notes=book.notes)
            for name, rows in book.sheets
        ]
    if kind == "delimited":
        table = open_delimited(plain, is_header)
        return [Sheet(None, table.rows(), text=table)]
    if kind == "parquet":
        from madang.ingest.readers.parquetfiles import read_parquet

        return [Sheet(None, read_parquet(plainly_named(plain, scratch)))]
    return [Sheet(None, read_json(plain) if kind == "json" else read_json_lines(plain))]


def _is_blank(path: Path) -> bool:
    """Whether the first part of a file, or all of a small one, is nothing but spaces."""
    with path.open("rb") as file:
        return not file.read(2**16).strip() and not file.read(1)
