"""Proposes a mapping: reads a file, guesses its columns, key and mode, and tries it on the file."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from madang import scratch
from madang.errors import SpecError
from madang.ingest import net
from madang.ingest.checks.columns import national_id_refusal
from madang.ingest.checks.rows import Rejection, check_rows, peek
from madang.ingest.errors import FileRefused, LoadError
from madang.ingest.files import source_of
from madang.ingest.header import header_key, known_headers, national_id_labels
from madang.ingest.propose.guesses import Guess, guess
from madang.ingest.propose.names import Name, name_for
from madang.ingest.propose.render import Column, Draft, render
from madang.ingest.propose.tables import FoundTable, find_tables
from madang.ingest.readers.apart import Reader
from madang.ingest.readers.sheets import Sheet, is_binary, open_sheets
from madang.ingest.sources import NAME, read_sources
from madang.ingest.tables import SourceColumn, SourceTable
from madang.names import shown
from madang.settings.workspace import Settings

# Moments that tell of a person or a record as it stands, not of something that happened.
STANDING = re.compile(r"가입|등록|생년|생일|탈퇴|수정|변경|최근|최종|마지막|birth|join|regist|last")
STANDING_NAMES = re.compile(r"updated|modified|created")
LONGEST_STEM = 40  # signs of a file's name that name its source
JOINING = ("id", "name", "phone", "email")
PEOPLE = ("name", "phone", "email")


@dataclass(frozen=True)
class Proposal:
    """A mapping that was written, and what a person should look at in it."""

    path: Path
    source: str
    table: str
    columns: list[Column]
    findings: list[str]
    rows: int
    loadable: int


def propose(
    settings: Settings, path: Path, source: str | None = None, out: Path | None = None
) -> Proposal:
    """Write a first mapping for a file: `models/staging/<source>/_<source>__sources.yml`, or `out`.

    The name of the source is `source`, else the file's folder below the inbox, else what its name
    says. Nothing is overwritten. Raises LoadError when the file is missing or belongs to a source
    already, or the mapping exists; FileRefused when the file cannot be read, has no table, or has a
    column of national id numbers.
    """
    if not path.is_file():
        raise LoadError("There is no such file.", where=str(path))
    with net.one_file(settings):
        if not is_binary(path.name):
            return _proposed(settings, path, source, out)
        with Reader() as reader:
            return reader.call(_proposed, settings, path, source, out)


def _proposed(settings: Settings, path: Path, source: str | None, out: Path | None) -> Proposal:
    tables = read_sources(settings.project_dir)
    _refuse_known(path, settings, tables)
    name = _source_name(path, settings, tables, source)
    target = out or (settings.project_dir / "models" / "staging" / name / f"_{name}__sources.yml")
    if target.exists():
        raise LoadError(
            "There is a mapping already; nothing was written.",
            where=str(target),
            fix="Name another source with --source, or another file with --out.",
        )
    with scratch.folder(settings.paths.scratch) as folder:
        found, others = find_tables(_sheets(path, tables, folder))
        draft, findings = _draft(path, name, found, others, tables, settings)
        text = render(draft)
        rows, loadable, trial = _tried(path, draft, text, ZoneInfo(settings.timezone), folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    findings = [*trial, *findings]
    return Proposal(target, name, draft.table, draft.columns, findings, rows, loadable)


def _sheets(path: Path, tables: Sequence[SourceTable], scratch: Path) -> list[Sheet]:
    known = {key for table in tables for key in known_headers(table.columns)}

    def is_header(text: str) -> bool:
        """Between delimiters decides what brings out known headers, else the most short words."""
        return header_key(text) in known or (0 < len(text) <= 30 and not text.isnumeric())

    return open_sheets(path, is_header, scratch)


def _refuse_known(path: Path, settings: Settings, tables: Sequence[SourceTable]) -> None:
    if not path.resolve().is_relative_to(settings.paths.inbox.resolve()):
        return
    try:
        table = source_of(path, settings.paths.inbox, tables)
    except FileRefused:
        return
    with scratch.folder(settings.paths.scratch) as folder:
        sheets = _sheets(path, [table], folder)
        headers = [peek(sheet, table).header for sheet in sheets]
    for header in headers:
        if header and not header.missing:
            unknown = ", ".join(header.ignored)
            more = f" Headers that it does not map: {unknown}." if unknown else ""
            raise LoadError(
                f"The file is one of {table.label} already.{more}",
                where=table.declared_at,
                fix="Load it with 'madang load', or add columns to that mapping.",
            )


def _source_name(
    path: Path, settings: Settings, tables: Sequence[SourceTable], wanted: str | None
) -> str:
    if wanted is not None:
        if not NAME.fullmatch(wanted):
            raise LoadError(
                f"'{wanted}' cannot name a source.",
                fix="Use lower-case letters, digits and '_', beginning with a letter.",
            )
        return wanted
    known = {table.source for table in tables}
    inbox, file = settings.paths.inbox.resolve(), path.resolve()
    folder = file.relative_to(inbox).parts[0] if file.is_relative_to(inbox) else ""
    if NAME.fullmatch(folder) and folder not in known:
        return folder
    name = name_for(_stem(path)[:LONGEST_STEM] or "uploads").text
    name += "" if name.endswith("s") else "s"
    return name if name not in known else f"{name}_files"


def _stem(path: Path) -> str:
    """The file's name without ending, dates and numbers: '시승신청' of '시승신청_2026-10.xlsx'."""
    name = path.name.partition(".")[0]
    told = re.sub(r"^(?:\d+(?:년|월|일|주차|차)?[_\-\s.]*)+", "", name)
    return re.sub(r"[\d년월일주차()\[\]_\-\s.]+$", "", shown(told))


def _draft(
    path: Path,
    source: str,
    found: list[FoundTable],
    others: list[str],
    tables: Sequence[SourceTable],
    settings: Settings,
) -> tuple[Draft, list[str]]:
    """Guess all that the mapping says, and collect what is to be looked at."""
    table = found[0]
    for one in found:
        if labels := national_id_labels(one.labels):
            raise national_id_refusal(labels[0])
    known: dict[str, tuple[str, SourceColumn]] = {}
    for one in tables:
        for key, column in known_headers(one.columns).items():
            known.setdefault(key, (one.label, column))
    zone = ZoneInfo(settings.timezone)
    columns: list[Column] = []
    findings: list[str] = []
    for at, label in enumerate(table.labels):
        cells = table.column(at)
        if not label:
            if any(cell is not None for cell in cells):
                findings.append(f"Column {at + 1} has values but no header; it is not mapped.")
            continue
        made = guess(label, cells, zone, known.get(header_key(label)))
        taken = [column.name for column in columns]
        name = _name(label, made, taken)
        columns.append(Column(name.text, made, name.is_spelt))
        findings += [f"{name.text} ({label}): {doubt}." for doubt in made.doubts]
        if name.is_spelt:
            findings.append(f"{name.text} ({label}): named by its sound; give it a better name.")
        if made.type == "choice":
            findings.append(f"{name.text} ({label}): complete its list of choices.")
    key, why_key, key_doubts = _key(columns, table)
    columns = [replace(column, required=column.name in key) for column in columns]
    mode, why_mode, mode_doubts = _mode(columns)
    same = [one for one in found if one.labels == table.labels]
    apart = [one.sheet for one in found if one not in same and one.sheet] + others
    if apart:
        findings.append(f"Sheets left out: {', '.join(apart)}.")
    if table.stop_row:
        findings.append(f"Row {table.stop_row} is a total; reading stops there.")
    if not table.is_whole:
        findings.append(f"Only the first {len(table.rows):,} rows were looked at.")
    draft = Draft(
        source=source,
        table=source,
        file=shown(path.name),
        stem=_stem(path),
        sheets=[one.sheet for one in same if one.sheet] if apart else [],
        mode=mode,
        why_mode=why_mode,
        key=key,
        why_key=why_key,
        stop_rows=table.stop_row is not None or table.sheet is not None,
        columns=columns,
        identifiers={one.identifier for one in tables},
    )
    return draft, [*key_doubts, *mode_doubts, *findings]


def _name(label: str, made: Guess, taken: Sequence[str]) -> Name:
    """What names people is named as in the other sources; the rest says what its header says."""
    own = name_for(label, taken)
    known = made.known.name if made.known else None
    if known and known not in taken and (own.is_spelt or made.type in JOINING):
        return Name(known, is_spelt=False)
    return own


def _key(columns: Sequence[Column], table: FoundTable) -> tuple[list[str], str, list[str]]:
    """The columns that tell rows apart: one id, else one address, else two columns together."""
    for kinds in (("id",), ("email", "phone"), ("integer", "text")):
        for column in columns:
            if column.guess.type in kinds and column.guess.is_unique:
                return [column.name], "never empty and never twice in this file", []
    full = [c for c in columns if not c.guess.blank and c.guess.type not in ("boolean", "name")]
    positions = {header_key(label): at for at, label in reversed(list(enumerate(table.labels)))}
    for first, second in itertools.combinations(full[:8], 2):
        places = [positions[header_key(column.guess.header)] for column in (first, second)]
        pairs = {tuple(str(row[at]) for at in places) for row in table.rows}
        if len(pairs) == len(table.rows) > 1:
            doubt = "No single column tells the rows apart; two together do. Is that the key?"
            return [first.name, second.name], "no column alone is without repeats", [doubt]
    ids = [column for column in columns if column.guess.type == "id"] or list(columns)
    best = max(ids, key=lambda column: column.guess.distinct - column.guess.blank)
    repeats = best.guess.filled - best.guess.distinct
    doubt = (
        f"The key {best.name} is doubtful: {repeats:,} rows repeat a value and "
        f"{best.guess.blank:,} have none. Of rows with one key, the last counts."
    )
    return [best.name], "the best there is, but NOT without repeats or blanks", [doubt]


def _mode(columns: Sequence[Column]) -> tuple[str, str, list[str]]:
    """Whether a file is the whole list (snapshot) or tells what happened (delta)."""
    for column in columns:
        guessed: Guess = column.guess
        key = header_key(guessed.header)
        standing = STANDING.search(key) or STANDING_NAMES.search(key)
        if guessed.is_moment and not standing:
            return "delta", f"'{guessed.header}' tells when something happened", []
    if any(column.guess.type in PEOPLE for column in columns):
        doubt = "Is each file the whole list? If it only adds rows, write mode: delta."
        return "snapshot", "a list of people; who is missing from the next file is gone", [doubt]
    doubt = "If each file is the whole list, write mode: snapshot."
    return "delta", "nothing says that a file is the whole list", [doubt]


def _tried(
    path: Path, draft: Draft, text: str, zone: ZoneInfo, scratch: Path
) -> tuple[int, int, list[str]]:
    """Check the file by the proposed mapping, as a load would: rows, rows that would load."""
    file = scratch / "models" / "staging" / draft.source / f"_{draft.source}__sources.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    try:
        (table,) = read_sources(scratch)
    except SpecError as error:  # two columns under headers that count as one
        problems = " ".join(problem.message for problem in error.problems)
        raise FileRefused(
            f"No mapping can be made of these headers. {problems}",
            fix="Rename one of the two columns in the file.",
        ) from error
    rows = loaded = 0
    findings = []
    for sheet in _sheets(path, [table], scratch):
        if not table.reads_sheet(sheet.name):
            continue
        peeked = peek(sheet, table)
        if peeked.header is None or peeked.header.missing:
            continue
        wrong: list[Rejection] = []
        result = check_rows(peeked, peeked.header, table, zone, lambda *_: None, wrong.extend)
        rows += result.rows
        loaded += result.loaded
        columns = sorted({problem.column or "the row" for problem in wrong})
        if result.rejected:
            findings.append(
                f"As proposed, {result.rejected:,} of {result.rows:,} rows would be rejected: see "
                f"{', '.join(columns)}."
            )
    return rows, loaded, findings
