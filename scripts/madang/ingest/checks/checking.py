"""Checks the rows of one file: good ones into lines on disk, bad ones to the rejects, and a count.

What is read by native code is checked where it is read, in a process apart: so that rows need not
cross to this one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from madang.ingest.checks.rows import (
    Accept,
    PeekedSheet,
    Reject,
    Rejection,
    SheetResult,
    check_rows,
    peek,
)
from madang.ingest.choosing import choose_sheets, no_such_sheet
from madang.ingest.header import Header, header_key, ignored_note, known_headers
from madang.ingest.landing.rejects import Rejects
from madang.ingest.landing.spool_lines import RowLines
from madang.ingest.readers.sheets import open_sheets
from madang.ingest.report import ProblemCounts
from madang.ingest.tables import SourceTable

# A binary file may pack its rows so small: more is no table, but a bomb.
MOST_TEXT, MOST_TIMES = 2 * 2**30, 100

Fast = Callable[[PeekedSheet, Header, Reject], SheetResult | None]


@dataclass(frozen=True)
class Checked:
    """What the sheets of a file came to, things to know about them, and the problems of rows."""

    results: list[SheetResult]
    notes: list[str]
    problems: ProblemCounts


def check_file(
    path: Path,
    table: SourceTable,
    zone: tzinfo,
    scratch: Path,
    accept: Accept,
    rejects: Rejects,
    fast: Fast | None = None,
) -> Checked:
    """Check the rows of every sheet that is meant. `fast` may take a sheet instead.

    Raises FileRefused when the file cannot be used as a whole.
    """
    counts = ProblemCounts()

    def reject(rejections: list[Rejection]) -> None:
        rejects.add(rejections)
        counts.add(table, rejections)

    is_header = known_headers(table.columns).__contains__
    sheets = open_sheets(path, lambda text: is_header(header_key(text)), scratch)
    wanted = [sheet for sheet in sheets if table.reads_sheet(sheet.name)]
    if not wanted:
        raise no_such_sheet([sheet.name for sheet in sheets], table)
    usable, notes = choose_sheets([peek(sheet, table) for sheet in wanted], table)
    results = [
        (fast and fast(peeked, header, reject))
        or check_rows(peeked, header, table, zone, accept, reject)
        for peeked, header in usable
    ]
    for result, (_, header) in zip(results, usable, strict=True):
        result.ignored = header.ignored
        result.notes += ignored_note(header.ignored, table)
    notes += [note for result in results for note in result.notes]
    return Checked(results, notes, counts)


def check_binary(path: Path, table: SourceTable, zone: tzinfo, scratch: Path, file: str) -> Checked:
    """Check a file in the process apart: its lines and its rejects are left in `scratch`."""
    most = max(MOST_TEXT, path.stat().st_size * MOST_TIMES)
    lines = RowLines(scratch, most)
    with Rejects(scratch, file) as rejects:
        checked = check_file(path, table, zone, scratch, lines.add, rejects)
    lines.close()
    return checked
