"""Writes the rejected rows of a file as a CSV that opens in Excel, in Korean and English."""

import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path

from madang.ingest.rows import Rejection
from madang.ingest.values import NATIONAL_ID

HEADERS = (
    "파일 / file",
    "시트 / sheet",
    "행 / row",
    "열 / column",
    "값 / value",
    "문제 / problem (ko)",
    "문제 / problem (en)",
    "고치는 법 / how to fix (ko)",
    "고치는 법 / how to fix (en)",
)
# Excel would compute a cell that starts so.
FORMULA = re.compile(r"[=+\-@\t\r]")


def write_rejects(folder: Path, file: str, load_id: str, rejections: Sequence[Rejection]) -> Path:
    """Write `<file stem>__<load id>.csv` (UTF-8 with a mark), whole or not at all; return it.

    Values stand as they were read, but for two: what Excel would take for a formula gets a leading
    apostrophe, and a national id number is masked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = _free_path(folder, f"{Path(file).name.partition('.')[0]}__{load_id}")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8-sig", newline="") as target:
            writer = csv.writer(target)
            writer.writerow(HEADERS)
            for rejection in rejections:
                problem = rejection.problem
                writer.writerow(
                    (
                        file,
                        rejection.sheet or "",
                        rejection.row,
                        _column(rejection),
                        _safe(rejection.value or ""),
                        problem.korean,
                        problem.english,
                        problem.fix_ko,
                        problem.fix_en,
                    )
                )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _column(rejection: Rejection) -> str:
    if rejection.column is None:
        return ""
    if rejection.header in (None, rejection.column):
        return rejection.column
    return f"{rejection.header} ({rejection.column})"


def _safe(value: str) -> str:
    if NATIONAL_ID.fullmatch(value):
        return f"{value[:7]}*******"
    return f"'{value}" if FORMULA.match(value) else value


def _free_path(folder: Path, stem: str) -> Path:
    """Two files of one load may share a stem (crm/list.xlsx, crm/list.csv)."""
    path, number = folder / f"{stem}.csv", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}_{number}.csv"
    return path
