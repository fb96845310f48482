"""Opens a file of any known format as sheets: numbered rows of cells. Knows nothing of mappings."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from madang.ingest.cells import Cell
from madang.ingest.errors import FileRefused
from madang.ingest.textfiles import BadLine, read_delimited, read_json, read_json_lines
from madang.ingest.workbooks import read_workbook

NumberedRow = tuple[int, list[Cell] | BadLine]


@dataclass(frozen=True)
class Sheet:
    """A table of a file. Rows are numbered as Excel shows them (JSON: by line or element)."""

    name: str | None
    rows: Iterator[NumberedRow]
    is_delimited: bool = False


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
}


def open_sheets(name: str, data: bytes, is_header: Callable[[str], bool]) -> list[Sheet]:
    """Return the visible sheets of a file, by its name's ending; `.gz` is unpacked first.

    `is_header` says whether a text is a known header: it decides between delimiters. Raises
    FileRefused for an empty, damaged, protected or unknown file.
    """
    path = PurePath(name.lower())
    if path.suffix == ".gz":
        data, path = _unpacked(data), path.with_suffix("")
    kind = READERS.get(path.suffix)
    if kind is None:
        raise FileRefused(
            f"Files ending in '{path.suffix}' cannot be read.",
            fix=f"Save it as one of: {', '.join(READERS)} (plain or .gz).",
        )
    if not data.strip():
        raise FileRefused("The file is empty.", fix="Export it again.")
    if kind == "workbook":
        return [Sheet(sheet, rows) for sheet, rows in read_workbook(data)]
    if kind == "delimited":
        return [Sheet(None, read_delimited(data, is_header), is_delimited=True)]
    return [Sheet(None, read_json(data) if kind == "json" else read_json_lines(data))]


def _unpacked(data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise FileRefused(
            "The .gz file is damaged or incomplete.", fix="Copy the file again."
        ) from error
