"""What the reader of cells does not tell of .xls and .xlsb: the epoch, and cells that it misses.

Records of .xls are described in [MS-XLS] 2.4, those of .xlsb in [MS-XLSB] 2.3, the file in which
.xls keeps its streams in [MS-CFB] 2.
"""

import itertools
from collections.abc import Iterator

DATE_MODE, END_OF_GLOBALS = 0x22, 0x0A
WORKBOOK_PROPERTIES = 153
# Cells without a column of their own: they follow the cell before them.
SHORT_CELLS = range(12, 19)
LOOK_AT = 5_000  # records of a sheet: who writes short cells does so from the first row on


def xls_is_1904(data: bytes) -> bool:
    """Whether an .xls counts its days from 1904. False for what is no .xls."""
    start = _workbook_stream(data)
    if start is None:
        return False
    at = start
    while at + 4 <= len(data):
        kind, size = (int.from_bytes(data[at + i : at + i + 2], "little") for i in (0, 2))
        if kind == DATE_MODE:
            return data[at + 4] == 1
        if kind == END_OF_GLOBALS:
            return False
        at += 4 + size
    return False


def _workbook_stream(data: bytes) -> int | None:
    """Where the stream Workbook (Book in Excel 5) of a compound file begins."""
    if len(data) < 512:
        return None
    sector = 1 << int.from_bytes(data[30:32], "little")
    if sector not in (512, 4096):
        return None
    folder = (int.from_bytes(data[48:52], "little") + 1) * sector
    for at in range(folder, min(folder + sector, len(data) - 127), 128):
        length = int.from_bytes(data[at + 64 : at + 66], "little")
        name = data[at : at + max(0, length - 2)].decode("utf-16-le", "replace")
        if name in ("Workbook", "Book"):
            return (int.from_bytes(data[at + 116 : at + 120], "little") + 1) * sector
    return None


def xlsb_is_1904(workbook: bytes) -> bool:
    """Whether `xl/workbook.bin` says that days count from 1904."""
    for kind, body in _records(workbook):
        if kind == WORKBOOK_PROPERTIES:
            return bool(body[:1] and body[0] & 1)
    return False


def has_short_cells(sheet: bytes) -> bool:
    """Whether a sheet of an .xlsb has cells that the reader would pass over without a word."""
    return any(kind in SHORT_CELLS for kind, _ in itertools.islice(_records(sheet), LOOK_AT))


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a part of an .xlsb: a number of one or two bytes, a size of up to four."""
    at = 0
    while at < len(data):
        kind, at = _number(data, at, 2)
        size, at = _number(data, at, 4)
        yield kind, data[at : at + size]
        at += size


def _number(data: bytes, at: int, most: int) -> tuple[int, int]:
    value = 0
    for place in range(most):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            break
    return value, at
