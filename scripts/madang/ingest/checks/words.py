"""Says which words of a loaded file the lists of the project do not know: they land as well."""

import csv
from pathlib import Path

from madang.ingest.checks.values import fold
from madang.ingest.tables import SourceTable
from madang.specs import package
from madang.specs.lists import ADDED
from madang.warehouse import Warehouse

SHOWN = 5
LONGEST = 30  # what is longer is no word, and may be anything


def unknown_words(
    warehouse: Warehouse, table: SourceTable, sha256: str, project_dir: Path
) -> list[str]:
    """Return a note for each column of a landed file with words that its list does not have.

    The hash is hexadecimal, so it is safe in SQL. A word with a digit or an @ is counted, not
    shown: it may be an address or a number of somebody.
    """
    notes = []
    for column in table.columns:
        if not column.words:
            continue
        paths = [package.found(project_dir, f"seeds/{column.words}.csv")]
        paths.append(project_dir / "seeds" / f"{column.words}{ADDED}.csv")
        lists = [path for path in paths if path.is_file()]
        if not lists:
            continue
        known = {word for path in lists for word in _words(path)}
        name = warehouse.dialect.quoted(column.name)
        rows = warehouse.fetch(
            f"select {name} as word, count(*) as n "
            f"from {warehouse.relation('raw', table.identifier)} "
            f"where _sha256 = '{sha256}' and {name} is not null group by 1 order by 2 desc, 1"
        )
        if unknown := [row for row in rows if fold(row["word"]) not in known]:
            notes.append(_told(column.words, column.name, unknown))
    return notes


def _words(path: Path) -> set[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {fold(row.get("word") or "") for row in csv.DictReader(file)}


def _told(seed: str, column: str, unknown: list) -> str:
    count = sum(row["n"] for row in unknown)
    words = list(dict.fromkeys(row["word"] for row in unknown if _may_be_shown(row["word"])))
    shown = ", ".join(words[:SHOWN]) + ("…" if len(words) > SHOWN else "")
    return (
        f"{count:,} rows have a {column} that seeds/{seed}.csv does not know"
        f"{f' ({shown})' if shown else ''}. They are loaded; add the word and what it stands for, "
        "and the next build reads them by it."
    )


def _may_be_shown(word: str) -> bool:
    return len(word) <= LONGEST and not any(sign.isdigit() or sign == "@" for sign in word)
