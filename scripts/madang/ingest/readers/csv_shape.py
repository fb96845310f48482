"""Whether a CSV is as regular as DuckDB's reader needs it, and its reading into a table."""

import codecs
from pathlib import Path

import duckdb

from madang.ingest.checks.problems import BadLine
from madang.ingest.checks.rows import PeekedSheet
from madang.ingest.header import Header
from madang.ingest.readers.delimited import LONGEST_LINE, TextTable
from madang.ingest.readers.inputs import plainly_named
from madang.warehouse.dialects import DUCKDB

CHUNK = 4 * 2**20
BLANK_LINES = (b"\n\n", b"\n\r\n")


def is_regular(peeked: PeekedSheet, header: Header) -> bool:
    """Whether lines are rows down to the data, and the first column is one that is read."""
    above = [cells for _, cells in peeked.head[: header.row + 1]]
    return (
        header.width > 1
        and min(at for _, at in header.places) == 0
        and all(not isinstance(cells, BadLine) for cells in above)
        and all("\n" not in cell and "\r" not in cell for cells in above for cell in cells)
    )


def as_utf8(text: TextTable, folder: Path) -> Path:
    """Return the file in UTF-8: itself under a plain name, or a copy in `folder`."""
    if text.encoding in ("utf-8", "utf-8-sig"):
        return plainly_named(text.path, folder)
    target = folder / "utf8.csv"
    decoder = codecs.getincrementaldecoder(text.encoding)()
    with text.path.open("rb") as source, target.open("w", encoding="utf-8", newline="") as file:
        while chunk := source.read(CHUNK):
            file.write(decoder.decode(chunk))
        file.write(decoder.decode(b"", final=True))
    return target


def line_ending(path: Path) -> str | None:
    """Return what ends lines, `\\n` or `\\r\\n` (values may hold a bare `\\n`); None where other
    signs of return are about, or where a blank line stands before the end: Excel counts it as a
    row, DuckDB does not.
    """
    kept, is_blank = b"", False
    returns = both = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            if is_blank and chunk.strip():
                return None
            returns += chunk.count(b"\r")
            both += (kept[-1:] + chunk).count(b"\r\n")
            data = kept + chunk
            places = [at for sign in BLANK_LINES if (at := data.find(sign)) >= 0]
            if places and data[min(places) :].strip():
                return None
            is_blank = is_blank or bool(places)
            kept = data[-3:]
    if returns == 0:
        return "\\n"
    with path.open("rb") as file:
        is_first = file.readline(LONGEST_LINE).endswith(b"\r\n")
    return "\\r\\n" if is_first and returns == both else None


def read_raw(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    ending: str,
    delimiter: str,
    header: Header,
) -> bool:
    """Read the file below its header as text into the table `raw`; False where it is irregular."""
    columns = {f"c{at}": "varchar" for at in range(header.width)}
    try:
        connection.execute(
            f"create or replace table raw as from read_csv({DUCKDB.literal(str(path))}, "
            f"columns = {columns!r}, header = false, skip = {header.row + 1}, "
            f"delim = {DUCKDB.literal(delimiter)}, quote = '\"', escape = '\"', "
            f"auto_detect = false, new_line = '{ending}', max_line_size = {LONGEST_LINE})"
        )
    except duckdb.Error:  # its message quotes the line, so it is not passed on
        return False
    return True
