"""What a mapping says of one raw table, once its YAML is checked: plain data.

It goes to the process that reads binary files, so it needs none of the libraries that check YAML.
"""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from madang.ingest.checks.values import fold


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """One column to land: its name, the headers it may stand under, its type.

    The other fields are those of `ColumnMeta` in `ingest/sources.py`.
    """

    name: str
    description: str = ""
    headers: list[str] = field(default_factory=list)
    type: str = "text"
    required: bool = False
    choices: dict[str, list[str]] = field(default_factory=dict)
    words: str | None = None
    pii: bool = False
    identifies: str | None = None
    refers_to: str | None = None
    only_where: str | None = None

    @property
    def stands_for(self) -> str | None:
        """What `identifies` says; a column of e-mail addresses or telephones says it itself."""
        return self.identifies or (self.type if self.type in ("email", "phone") else None)

    @property
    def synonyms(self) -> list[str]:
        """Every header that names this column, as written in the YAML, without repeats."""
        return list(dict.fromkeys([*self.headers, self.name]))

    @property
    def spellings(self) -> dict[str, str]:
        """For a choice: every folded spelling and the value it stands for."""
        return {
            fold(spelling): value
            for value, spellings in self.choices.items()
            for spelling in [value, *spellings]
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable:
    """One raw table and how files become its rows; see `LoadMeta` in `ingest/sources.py`."""

    source: str
    name: str
    identifier: str
    columns: list[SourceColumn]
    declared_at: str
    files: list[str]
    mode: str
    key: list[str]
    format: str = "table"
    key_means: list[str] = field(default_factory=list)
    stop_rows: list[str] = field(default_factory=list)
    receive: str | None = None
    pull: str | None = None
    sheets: list[str] = field(default_factory=list)
    max_reject_share: float | None = None
    max_shrink_share: float | None = None

    def reads_sheet(self, name: str | None) -> bool:
        """Whether a sheet of this name is read; without `sheets` all are."""
        if name is None or not self.sheets:
            return True
        return any(fnmatchcase(fold(name), fold(pattern)) for pattern in self.sheets)

    @property
    def label(self) -> str:
        """`crm.customers`, as people say it."""
        return f"{self.source}.{self.name}"
