"""Writes the rejected rows of a file as a CSV that opens in Excel, in Korean and English."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self

from madang import private
from madang.ingest.checks.national_ids import without_national_ids
from madang.ingest.checks.rows import Rejection
from madang.ingest.checks.signs import CONTROL
from madang.names import defused, file_stem

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
MARK = "\ufeff"  # by which Excel knows UTF-8
LONGEST = 2_000  # signs of a value that are shown


class Rejects:
    """The rejected rows of one file, written as they are found; kept only when asked to.

    Values stand as they were read, but for four: what Excel would take for a formula gets a leading
    apostrophe, a national id number is masked wherever it stands, a control character is written as
    its number, and a very long one is cut. Another process may have written them to `scratch`;
    `keep` takes what is there.
    """

    def __init__(self, scratch: Path, file: str) -> None:
        self._file = file
        self._path = scratch / "rejects.csv"
        self._target: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._target:
            self._target.close()

    def add(self, rejections: Sequence[Rejection]) -> None:
        """Write the problems of a row."""
        if self._target is None:
            self._target = self._path.open(
                "w", encoding="utf-8-sig", errors="backslashreplace", newline=""
            )
            csv.writer(self._target).writerow(HEADERS)
        csv.writer(self._target).writerows(_row(self._file, one) for one in rejections)

    def keep(self, folder: Path, load_id: str) -> Path | None:
        """Put the file into `folder` as `<file stem>__<load id>.csv`, whole or not at all.

        Return it, or None where nothing was rejected.
        """
        if self._target:
            self._target.close()
        if not self._path.exists():
            return None
        private.folder(folder)
        path = free_path(folder, file_stem(self._file, f"__{load_id}"))
        private.copy(self._path, path)
        return path


def write_rejects(
    folder: Path, file: str, load_id: str, rejections: Sequence[Rejection], scratch: Path
) -> Path:
    """Write `<file stem>__<load id>.csv` (UTF-8 with a mark), whole or not at all; return it."""
    with Rejects(scratch, file) as rejects:
        rejects.add(rejections)
        path = rejects.keep(folder, load_id)
    assert path is not None
    return path


def _row(file: str, rejection: Rejection) -> tuple:
    problem = rejection.problem
    return (
        defused(file),
        defused(rejection.sheet or ""),
        rejection.row,
        defused(_column(rejection)),
        safe(rejection.value or "")[:LONGEST],
        problem.korean,
        problem.english,
        problem.fix_ko,
        problem.fix_en,
    )


def _column(rejection: Rejection) -> str:
    if rejection.column is None:
        return ""
    if rejection.header in (None, rejection.column):
        return rejection.column
    return f"{rejection.header} ({rejection.column})"


def safe(value: str) -> str:
    """Defuse what Excel would compute, mask national id numbers, show control characters."""
    value = CONTROL.sub(lambda found: f"<{ord(found[0]):02X}>", without_national_ids(value))
    return defused(value)


def free_path(folder: Path, stem: str) -> Path:
    """Two files of one load may share a stem (crm/list.xlsx, crm/list.csv)."""
    path, number = folder / f"{stem}.csv", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}_{number}.csv"
    return path
