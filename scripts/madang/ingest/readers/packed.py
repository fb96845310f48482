"""Unpacks within bounds: .gz files onto the disk, and workbooks, which are archives, beforehand."""

import gzip
import re
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from madang.ingest.errors import FileRefused
from madang.ingest.readers.binary_workbooks import has_short_cells, xlsb_is_1904

CHUNK = 4 * 2**20
MOST_UNPACKED = 16 * 2**30  # bytes that a .gz may become
# A small .gz may become no more than this: tables pack to a tenth, hardly ever to a hundredth.
LEAST_BOUND, MOST_TIMES = 256 * 2**20, 200
MOST_IN_WORKBOOK = 2 * 2**30  # bytes that the parts of a workbook may become
MOST_CELLS = 50_000_000  # cells between the first and the last of a sheet
CELL = re.compile(rb"<c r=[\"']([A-Z]{2,3})\d")
ROW = re.compile(rb"<row r=[\"'](\d+)[\"']")
NO_VALUE = re.compile(rb"<f[^>]*(?:/>|>[^<]*</f>)(?:<v\s*/>|<v></v>)?</c>")
BOMB_FIX = "Ask who sent it. If the file is good, save the table alone into a new file."


@dataclass
class WorkbookFacts:
    """What the parts of an .xlsx say that a reader of cells does not tell."""

    is_1904: bool = False
    unsaved_formulas: int = 0
    errors: int = 0


def unpack_gzip(path: Path, folder: Path) -> Path:
    """Unpack a .gz into `folder`; return the file. Raises FileRefused when damaged or too big."""
    target = folder / f"unpacked{Path(path.name.lower()).with_suffix('').suffix}"
    size = 0
    most = min(MOST_UNPACKED, max(LEAST_BOUND, path.stat().st_size * MOST_TIMES))
    try:
        with gzip.open(path) as source, target.open("wb") as file:
            while chunk := source.read(CHUNK):
                size += len(chunk)
                if size > min(most, shutil.disk_usage(folder).free):
                    raise FileRefused(
                        f"The .gz file of {path.stat().st_size / 2**20:,.1f} MB unpacks to more "
                        f"than {most >> 20:,} MB, which is the limit for its size, or than there "
                        "is room for.",
                        fix="Ask who sent it. If the file is good, unpack it and load it plain: "
                        "that one may be of any size.",
                    )
                file.write(chunk)
    except (OSError, EOFError, zlib.error) as error:
        raise FileRefused(
            "The .gz file is damaged or incomplete.", fix="Copy the file again."
        ) from error
    return target


def look_into_workbook(path: Path) -> WorkbookFacts:
    """Unpack every part of a workbook once, keeping none, before a reader opens it.

    Raises FileRefused when that is more than MOST_IN_WORKBOOK bytes, whatever the archive says of
    itself, or when a sheet spans more than MOST_CELLS cells. A file that is no archive (.xls), or a
    damaged one, is left to the reader.
    """
    facts = WorkbookFacts()
    left = MOST_IN_WORKBOOK
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
            members = archive.infolist()
            if sum(member.file_size for member in members) > left:
                raise _bomb()
            for member in members:
                left = _look_at(raw, member, facts, left)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError):
        return facts
    return facts


def _look_at(raw, member: zipfile.ZipInfo, facts: WorkbookFacts, left: int) -> int:
    """Inflate one part by its packed bytes, not by the size that it claims; return what is left."""
    raw.seek(member.header_offset + 26)
    lengths = raw.read(4)
    name, extra = (int.from_bytes(lengths[at : at + 2], "little") for at in (0, 2))
    raw.seek(member.header_offset + 30 + name + extra)
    stored = member.compress_type == zipfile.ZIP_STORED
    inflater = None if stored else zlib.decompressobj(-zlib.MAX_WBITS)
    is_sheet = member.filename.startswith("xl/worksheets/") and member.filename.endswith(".xml")
    sheet = _SheetScan(facts) if is_sheet else None
    packed, kept, is_first = member.compress_size, b"", True
    while packed > 0 or kept:
        if not kept:
            kept = raw.read(min(CHUNK, packed))
            packed -= len(kept)
            if not kept:
                break
        data, kept = (kept, b"") if inflater is None else _inflated(inflater, kept)
        left -= len(data)
        if left < 0:
            raise _bomb()
        if sheet:
            sheet.take(data)
        if is_first:
            _look_at_head(member.filename, data, facts)
            is_first = False
        if inflater is not None and inflater.eof:
            break
    if sheet:
        sheet.check()
    return left


def _look_at_head(name: str, head: bytes, facts: WorkbookFacts) -> None:
    """Take what the first bytes of a part tell."""
    if name == "xl/workbook.xml":
        facts.is_1904 = re.search(rb'date1904="(1|true)"', head) is not None
    elif name == "xl/workbook.bin":
        facts.is_1904 = xlsb_is_1904(head)
    elif name.startswith("xl/worksheets/") and name.endswith(".bin") and has_short_cells(head):
        raise FileRefused(
            "The .xlsb was written by a program that saves cells in a way that cannot be read.",
            fix="Open it in Excel and save it as .xlsx.",
        )


def _inflated(inflater, packed: bytes) -> tuple[bytes, bytes]:
    data = inflater.decompress(packed, CHUNK)
    return data, inflater.unconsumed_tail


class _SheetScan:
    """Watches the XML of a sheet go by: how far it reaches, which cells have no value."""

    def __init__(self, facts: WorkbookFacts) -> None:
        self._facts = facts
        self._carried = b""
        self._columns = 26
        self._rows = 0
        self._has_formulas = False

    def take(self, data: bytes) -> None:
        text = self._carried + data
        end = text.rfind(b"</c>") + 4 if b"</c>" in text else 0
        done, self._carried = text[:end], text[end:][-65536:]
        for letters in set(CELL.findall(done)):
            number = 0
            for letter in letters:
                number = number * 26 + letter - 64
            self._columns = max(self._columns, number)
        at = done.rfind(b"<row ")
        if at >= 0 and (found := ROW.match(done, at)):
            self._rows = max(self._rows, int(found[1]))
        if b"<f" in done:
            self._facts.unsaved_formulas += len(NO_VALUE.findall(done))
        self._facts.errors += done.count(b' t="e"')

    def check(self) -> None:
        if self._rows * self._columns > MOST_CELLS:
            raise FileRefused(
                f"A sheet spans {self._rows:,} rows and {self._columns:,} columns: a value stands "
                "far away from the table.",
                fix="Delete the rows and columns outside the table, and save the file again.",
            )


def _bomb() -> FileRefused:
    return FileRefused(
        f"The workbook unpacks to more than {MOST_IN_WORKBOOK >> 20:,} MB and was not opened.",
        fix=BOMB_FIX,
    )
