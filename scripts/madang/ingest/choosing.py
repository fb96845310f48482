"""Which sheets of a file are read: those with the headers, and a word about the others."""

from collections.abc import Sequence
from dataclasses import replace

from madang.ingest.checks.columns import national_id_reason
from madang.ingest.checks.rows import PeekedSheet
from madang.ingest.errors import FileRefused, Reason
from madang.ingest.header import Header, header_reasons, national_id_labels, no_header
from madang.ingest.tables import SourceTable


def choose_sheets(
    sheets: list[PeekedSheet], table: SourceTable
) -> tuple[list[tuple[PeekedSheet, Header]], list[str]]:
    """Return the sheets to load with their headers, and notes about those that are not.

    Raises FileRefused, with all that is wrong, when no sheet can be used, when one that is clearly
    meant lacks a required column, when a column stands there twice, or when a header announces
    national id numbers.
    """
    filled = [peeked for peeked in sheets if peeked.has_content]
    if not filled:
        raise FileRefused("The file is empty: no sheet holds a value.", fix="Export it again.")
    titled = [(peeked, peeked.header) for peeked in filled if peeked.header]
    if not titled:
        raise no_header(filled[0].head_cells, table)
    usable = [(peeked, header) for peeked, header in titled if not header.missing]
    meant = [
        (peeked, header)
        for peeked, header in titled
        if header.missing and (not usable or len(header.places) * 2 >= len(table.columns))
    ]
    if meant and not usable:
        meant = [max(meant, key=lambda one: len(one[1].places))]
    looked_at = {id(header) for _, header in [*usable, *meant]}
    reasons: list[Reason] = []
    for peeked, header in titled:
        found = [national_id_reason(label) for label in national_id_labels(header.labels)]
        if id(header) in looked_at:
            found += header_reasons(header, table)
        reasons += [_of_sheet(peeked, reason, len(titled)) for reason in found]
    if reasons:
        raise FileRefused.of(reasons)
    used = {id(peeked) for peeked, _ in usable}
    notes = [
        f"The sheet '{peeked.sheet.name}' is not a {table.label} table and was not read."
        for peeked in filled
        if id(peeked) not in used
    ]
    return usable, notes


def _of_sheet(peeked: PeekedSheet, reason: Reason, sheets: int) -> Reason:
    """A reason with the name of its sheet, where several could be meant."""
    name = peeked.sheet.name
    if sheets == 1 or name is None:
        return reason
    return replace(
        reason,
        english=f"Sheet '{name}': {reason.english}",
        korean=f"'{name}' 시트: {reason.korean}",
    )


def no_such_sheet(names: Sequence[str | None], table: SourceTable) -> FileRefused:
    """Say that none of the sheets that the mapping names is in the file."""
    wanted, there = " or ".join(table.sheets), ", ".join(map(str, names))
    file = table.declared_at.rpartition(":")[0]
    return FileRefused.of(
        [
            Reason(
                f"The file has no sheet {wanted}; it has {there}.",
                f"파일에 {wanted} 시트가 없습니다. 있는 시트: {there}.",
                f"Rename the sheet, or correct 'sheets' in {file}.",
                f"시트 이름을 바꾸거나 {file}의 sheets를 고치세요.",
            )
        ]
    )
