"""Reads workbooks (xlsx, xls, xlsb, ods): visible sheets, merged cells filled down."""

import io
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from madang.errors import is_panic
from madang.ingest.checks.problems import ROW_UNREADABLE, BadLine
from madang.ingest.errors import FileRefused
from madang.ingest.readers.binary_workbooks import xls_is_1904
from madang.ingest.readers.cells import Cell
from madang.ingest.readers.packed import WorkbookFacts, look_into_workbook

OLE_SIGNATURE = bytes.fromhex("d0cf11e0a1b11ae1")
# An encrypted xlsx is an OLE file with a stream of this name ([MS-OFFCRYPTO] 2.3.2).
ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
MOST_ROWS = 2**20
INDENT = re.compile(rb">\s+<")
PROTECTED = "The workbook is protected with a password, so it cannot be read."
PROTECTED_FIX = (
    "Open it in Excel, remove the password (File, Info, Protect Workbook, Encrypt with Password), "
    "and save it again. 암호를 해제한 뒤 다시 저장해 주세요."
)


Row = tuple[int, list[Cell] | BadLine]


@dataclass(frozen=True)
class Workbook:
    """The visible worksheets of a file, and what there is to know about it."""

    sheets: list[tuple[str, Iterator[Row]]]
    is_1904: bool
    notes: tuple[str, ...]


def read_workbook(path: Path) -> Workbook:
    """Return every visible worksheet as (name, rows); rows are numbered as in Excel.

    Raises FileRefused for a protected or damaged workbook, one that unpacks to more than can be
    meant, or one whose sheets are all hidden.
    """
    facts = look_into_workbook(path)
    data = path.read_bytes()
    if data.startswith(OLE_SIGNATURE) and ENCRYPTED_STREAM in data:
        raise FileRefused(PROTECTED, fix=PROTECTED_FIX)
    try:
        book = _opened(data)
        names = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.visible is SheetVisibleEnum.Visible and sheet.typ is SheetTypeEnum.WorkSheet
        ]
        sheets = [(name, _rows(book.get_sheet_by_name(name))) for name in names]
    except PasswordError as error:
        raise FileRefused(PROTECTED, fix=PROTECTED_FIX) from error
    except (CalamineError, OSError, ValueError) as error:
        raise FileRefused(
            "The workbook is damaged, or is not a workbook at all.",
            fix="Open it in Excel and save it again as .xlsx.",
        ) from error
    if not sheets:
        raise FileRefused(
            "The workbook has no visible worksheet.", fix="Unhide the sheet that holds the data."
        )
    is_1904 = facts.is_1904 or (data.startswith(OLE_SIGNATURE) and xls_is_1904(data))
    return Workbook(sheets, is_1904, _notes(facts))


def _opened(data: bytes) -> CalamineWorkbook:
    """Open a workbook by its content; an OpenDocument with indented XML is straightened first."""
    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(data))
    except CalamineError:
        if (straight := _straightened(data)) is None:
            raise
    return CalamineWorkbook.from_filelike(io.BytesIO(straight))


def _straightened(data: bytes) -> bytes | None:
    """An .ods without the white space between its elements, which the reader does not take."""
    target = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
            if "content.xml" not in old.namelist():
                return None
            for name in ("mimetype", "META-INF/manifest.xml", "styles.xml", "content.xml"):
                if name in old.namelist():
                    new.writestr(name, INDENT.sub(b"><", old.read(name)))
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError):
        return None
    return target.getvalue()


def _notes(facts: WorkbookFacts) -> tuple[str, ...]:
    notes = []
    if facts.unsaved_formulas:
        notes.append(
            f"{facts.unsaved_formulas:,} formulas have no saved value and count as empty: open the "
            "file in Excel, save it, and load it again."
        )
    if facts.errors:
        notes.append(f"{facts.errors:,} cells hold an Excel error (such as #N/A): they are empty.")
    return tuple(notes)


def _rows(sheet: CalamineSheet) -> Iterator[Row]:
    """Yield the rows; the first column of a merged range has its value in every row of it."""
    starts: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or []:
        if bottom > top:
            starts[top].append((left, bottom))
    if not starts:
        yield from enumerate(_readable(sheet), start=1)
        return
    filling: dict[int, tuple[int, Cell]] = {}
    for at, row in enumerate(_readable(sheet)):
        if isinstance(row, BadLine):
            yield at + 1, row
            continue
        for left, (bottom, value) in list(filling.items()):
            if at > bottom:
                del filling[left]
            elif left < len(row):
                row[left] = value
        for left, bottom in starts.get(at, ()):
            if left < len(row):
                filling[left] = (bottom, row[left])
        yield at + 1, row


def _readable(sheet: CalamineSheet) -> Iterator[list[Cell] | BadLine]:
    """Yield the rows. The reader of cells gives up a row of which a number is outside of its
    format (a duration of a billion days), by an error or a panic; it goes on with the next.
    """
    rows = sheet.iter_rows()
    for _ in range(MOST_ROWS):
        try:
            yield from rows
            return
        except BaseException as error:
            if isinstance(error, MemoryError) or not (
                isinstance(error, Exception) or is_panic(error)
            ):
                raise
            yield BadLine("", ROW_UNREADABLE)
