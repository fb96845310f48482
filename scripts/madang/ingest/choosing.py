"""Which sheets of a file are read: those with the headers, and a word about the others."""

from collections.abc import Sequence

from madang.ingest.columns import national_id_refusal
from madang.ingest.errors import FileRefused
from madang.ingest.header import Header, missing_headers, national_id_label, no_header
from madang.ingest.rows import PeekedSheet
from madang.ingest.tables import SourceTable


def choose_sheets(
    sheets: list[PeekedSheet], table: SourceTable
) -> tuple[list[tuple[PeekedSheet, Header]], list[str]]:
    """Return the sheets to load with their headers, and notes about those that are not.

    Raises FileRefused when no sheet can be used, when one that is clearly meant lacks a required
    column, or when a header announces national id numbers.
    """
    filled = [peeked for peeked in sheets if peeked.has_content]
    if not filled:
        raise FileRefused("The file is empty: no sheet holds a value.", fix="Export it again.")
    titled = [(peeked, peeked.header) for peeked in filled if peeked.header]
    if not titled:
        raise no_header(filled[0].head_cells, table)
    for _, header in titled:
        if label := national_id_label(header.labels):
            raise national_id_refusal(label)
    usable = [(peeked, header) for peeked, header in titled if not header.missing]
    meant = [
        header
        for _, header in titled
        if header.missing and (not usable or len(header.places) * 2 >= len(table.columns))
    ]
    if meant:
        raise missing_headers(max(meant, key=lambda header: len(header.places)), table)
    used = {id(peeked) for peeked, _ in usable}
    notes = [
        f"The sheet '{peeked.sheet.name}' is not a {table.label} table and was not read."
        for peeked in filled
        if id(peeked) not in used
    ]
    return usable, notes


def no_such_sheet(names: Sequence[str | None], table: SourceTable) -> FileRefused:
    """Say that none of the sheets that the mapping names is in the file."""
    return FileRefused(
        f"The file has no sheet {' or '.join(table.sheets)}; it has {', '.join(map(str, names))}.",
        fix=f"Rename the sheet, or correct 'sheets' in {table.declared_at.rpartition(':')[0]}.",
    )
