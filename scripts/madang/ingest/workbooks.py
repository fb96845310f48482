"""Reads workbooks (xlsx, xls, xlsb, ods): visible sheets, merged cells filled down."""

import io
from collections.abc import Iterator

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from madang.ingest.cells import Cell
from madang.ingest.errors import FileRefused

OLE_SIGNATURE = bytes.fromhex("d0cf11e0a1b11ae1")
# An encrypted xlsx is an OLE file with a stream of this name ([MS-OFFCRYPTO] 2.3.2).
ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
PROTECTED = "The workbook is protected with a password, so it cannot be read."
PROTECTED_FIX = (
    "Open it in Excel, remove the password (File, Info, Protect Workbook, Encrypt with Password), "
    "and save it again. 암호를 해제한 뒤 다시 저장해 주세요."
)


def read_workbook(data: bytes) -> list[tuple[str, Iterator[tuple[int, list[Cell]]]]]:
    """Return (name, rows) of every visible worksheet; rows are numbered as in Excel.

    Raises FileRefused for a protected or damaged workbook, or one whose sheets are all hidden.
    """
    if data.startswith(OLE_SIGNATURE) and ENCRYPTED_STREAM in data:
        raise FileRefused(PROTECTED, fix=PROTECTED_FIX)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
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
    return sheets


def _rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[Cell]]]:
    rows = sheet.to_python(skip_empty_area=False)
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or []:
        for row in range(top + 1, min(bottom + 1, len(rows))):
            if left < len(rows[top]):
                rows[row][left] = rows[top][left]
    return iter(enumerate(rows, start=1))
