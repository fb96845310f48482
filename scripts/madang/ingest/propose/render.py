"""Writes a proposed mapping as YAML, with the reason of every guess as a comment."""

import json
from dataclasses import dataclass
from pathlib import PurePath

from madang.ingest.propose.guesses import Guess
from madang.ingest.propose.tables import STOP_ROWS


@dataclass(frozen=True)
class Column:
    """One column to propose."""

    name: str
    guess: Guess
    is_spelt: bool
    required: bool = False


@dataclass(frozen=True)
class Draft:
    """All that a proposed mapping says of one table."""

    source: str
    table: str
    file: str
    stem: str
    sheets: list[str]
    mode: str
    why_mode: str
    key: list[str]
    why_key: str
    stop_rows: bool
    columns: list[Column]
    identifiers: set[str]

    @property
    def identifier(self) -> str:
        """A raw table that no other source lands in."""
        name = self.table
        while name in self.identifiers:
            name += "_2"
        return name

    @property
    def globs(self) -> list[str]:
        """Which files of the inbox are of this table."""
        ending = PurePath(self.file.lower().removesuffix(".gz")).suffix.lstrip(".")
        endings = ("xlsx", "csv") if ending in ("xlsx", "csv") else (ending,)
        named = [f"{self.source}/{self.stem}*"] if self.stem and "*" not in self.stem else []
        return [*named, *(f"{self.source}/*.{one}" for one in endings)]


def render(draft: Draft) -> str:
    """Return the YAML of `_<source>__sources.yml`. Reasons are comments beside what they are of."""
    lines = [
        "# A first mapping, proposed from one file. Read the comments, correct what is wrong, take",
        "# them out, and run 'madang check' and 'madang load'. Types: docs/loading.md.",
        "sources:",
        f"  - name: {draft.source}",
        f"    description: {_quoted(f'Files such as {draft.file}.')}",
        '    schema: "{{ target.schema }}_raw"',
        "    tables:",
        f"      - name: {draft.table}",
        f"        identifier: {draft.identifier}",
        '        description: "One row per row of an uploaded file, append-only."',
        "        config:",
        "          meta:",
        "            load:",
        f"              files: {_list(draft.globs)}",
    ]
    if draft.sheets:
        lines.append(f"              sheets: {_list(draft.sheets)}")
    lines += [
        f"              mode: {draft.mode}  # {_comment(draft.why_mode)}",
        f"              key: [{', '.join(draft.key)}]  # {_comment(draft.why_key)}",
    ]
    if draft.stop_rows:
        lines.append(f"              stop_rows: {_list(list(STOP_ROWS))}")
    lines.append("        columns:")
    for column in draft.columns:
        lines += _column(column)
    return "\n".join(lines) + "\n"


def _column(column: Column) -> list[str]:
    guess = column.guess
    told = [*guess.reasons, *guess.doubts]
    if column.is_spelt:
        told.append("the name is spelt by its sound")
    if not column.required and guess.filled and not guess.blank:
        told.append("never empty here")
    lines = [
        f"          - name: {column.name}",
        f"            description: {_quoted(guess.header)}",
        "            data_type: string",
        "            config:",
        "              meta:",
        f"                headers: {_list([guess.header])}",
        f"                type: {guess.type}  # {_comment('; '.join(told))}",
    ]
    if column.required:
        lines.append("                required: true")
    if guess.pii:
        lines.append("                pii: true")
    if guess.choices:
        lines.append("                choices:  # the value and its other spellings")
        for value, spellings in guess.choices.items():
            lines.append(f"                  {_quoted(value)}: {_list(spellings)}")
    return lines


def _quoted(text: str) -> str:
    """A JSON string is a YAML string, whatever it holds."""
    return json.dumps(text, ensure_ascii=False)


def _list(texts: list[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _comment(text: str) -> str:
    return " ".join(text.split())
