"""Builds a workspace and the files that a marketer would drop into it."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl

from madang.settings.workspace import Settings, load_settings

PROJECT = Path(__file__).parents[2]
CRM_HEADERS = ["고객번호", "이름", "휴대폰", "이메일", "등급", "지역", "가입일"]
GOOD_CUSTOMER = [
    "C000001",
    "김마루",
    "010-1234-5678",
    "a@maru.example",
    "VIP",
    "서울",
    "2026-01-02",
]
CONSENT_HEADERS = ["consent_id", "customer_no", "channel", "purpose", "status", "occurred_at"]


def workspace(root: Path, extra: str = "") -> Settings:
    """Write a madang.yml over this checkout's models and return its settings."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "inbox").mkdir(exist_ok=True)
    config = root / "madang.yml"
    config.write_text(f"version: 1\nproject: {PROJECT}\n{extra}", encoding="utf-8")
    return load_settings(config)


def own_project(root: Path, *sources: str) -> Settings:
    """A workspace over a dbt project of its own, with the mappings of some of our sources."""
    put(root / "dbt_project.yml", "name: own\nversion: '1.0'\n")
    for source in sources:
        file = f"models/staging/{source}/_{source}__sources.yml"
        put(root / file, (PROJECT / file).read_bytes())
    put(root / "madang.yml", "version: 1\n")
    (root / "inbox").mkdir(exist_ok=True)
    return load_settings(root / "madang.yml")


def workbook(
    path: Path,
    rows: Sequence[Sequence[Any]],
    *,
    title: str | None = None,
    sheet: str = "고객",
    hidden: Sequence[Sequence[Any]] = (),
    merged: Sequence[str] = (),
) -> Path:
    """Write rows as a workbook; a title takes rows 1 and 2, so that the header is row 3."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = sheet
    first = 1
    if title:
        page["A1"], first = title, 3
    for at, row in enumerate(rows, start=first):
        for column, value in enumerate(row, start=1):
            page.cell(at, column, value)
    for cells in merged:
        page.merge_cells(cells)
    if hidden:
        other = book.create_sheet("숨김")
        for row in hidden:
            other.append(list(row))
        other.sheet_state = "hidden"
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def customers(path: Path, *rows: Sequence[Any], title: str | None = None) -> Path:
    """Write a customer workbook with the usual headers."""
    return workbook(path, [CRM_HEADERS, *rows], title=title)


def csv_bytes(
    rows: Sequence[Sequence[Any]], encoding: str = "utf-8", delimiter: str = ","
) -> bytes:
    """Return rows as an encoded CSV."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(encoding)


def put(path: Path, data: bytes | str) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def protected_workbook() -> bytes:
    """The outside of a workbook with a password: an OLE file with the streams EncryptionInfo and
    EncryptedPackage ([MS-OFFCRYPTO] 2.3.2). One FAT sector, one directory sector, empty streams.
    """
    free, end, fat_sector = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD

    def words(*values: int, size: int = 4) -> bytes:
        return b"".join(value.to_bytes(size, "little") for value in values)

    def entry(name: str, kind: int, child: int = free, right: int = free) -> bytes:
        text = name.encode("utf-16-le") + b"\0\0"
        head = text.ljust(64, b"\0") + words(len(text), size=2) + bytes([kind, 1])
        tree = words(free, right, child) + bytes(16 + 4 + 8 + 8)
        return head + tree + words(end) + bytes(8)

    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += words(0x3E, 3, 0xFFFE, 9, 6, size=2) + bytes(6)
    header += words(0, 1, 1, 0, 4096, end, 0, end, 0, 0) + words(*[free] * 108)
    fat = words(fat_sector, end, *[free] * 126)
    directory = entry("Root Entry", 5, child=1)
    directory += entry("EncryptionInfo", 2, right=2) + entry("EncryptedPackage", 2) + bytes(128)
    return header + fat + directory
