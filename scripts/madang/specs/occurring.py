"""Compares names that rules ask for with those that occurred: others are most likely misspelt.

A pure comparison of texts; which names occurred is what the mart `names_in_use` says.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from madang.errors import Problem, did_you_mean

DAYS = 90  # as names_in_use looks back
KEPT = 1000  # so many names of a kind are in it
LATER = "Correct the name, or leave it if it is yet to come."


@dataclass(frozen=True)
class Asked:
    """A name that a rule asks for, and where.

    `kind` is as in `names_in_use`, or `rule` for an action that a rule names; `name_of` is the
    action or attribute that it is of.
    """

    kind: str
    name: str
    name_of: str | None
    file: str
    line: int
    is_own: bool = True  # of the company's project, not of Madang's package

    def warning(self, message: str, fix: str = LATER) -> Problem:
        return Problem(self.file, self.line, message, fix)


@dataclass
class Names:
    """The rows of `names_in_use`: by kind and `name_of`, each name and how often it occurred."""

    found: dict[tuple[str, str | None], dict[str, int]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    incomplete: set[tuple[str, str | None]] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> "Names":
        """Read the rows; a kind of which the table has not all names is incomplete."""
        names = cls()
        for row in rows:
            key = (row["kind"], row["name_of"])
            names.found[key][row["name"]] = row["occurrences"]
            if row["names"] > KEPT:
                names.incomplete.add(key)
        return names

    def all(self, kind: str, name_of: str | None = None) -> dict[str, int]:
        return self.found.get((kind, name_of), {})

    def lacks(self, kind: str, name: str, name_of: str | None = None) -> bool:
        """Whether names of this kind occurred, all are known, and this one is not among them."""
        known = self.all(kind, name_of)
        return bool(known) and name not in known and (kind, name_of) not in self.incomplete


def never_occurred(asked: Collection[Asked], names: Names) -> list[Problem]:
    """Return a warning for each name that did not occur in the last 90 days.

    What was never built, or never came from a source that has data elsewhere, is not known and not
    told: GA4's names only where there were events, an object only where its action occurred. Nor
    is what Madang ships: a company need not send all that it has a rule for.
    """
    own = [one for one in asked if one.is_own]
    told = [problem for one in own if (problem := _of(one, asked, names)) is not None]
    return sorted(set(told), key=lambda one: (one.file, one.line, one.message))


def _of(one: Asked, asked: Collection[Asked], names: Names) -> Problem | None:
    if one.kind == "event":
        if names.lacks("event", one.name):
            hint = did_you_mean(one.name, names.all("event"))
            return one.warning(f"{_action(one)}: no event '{one.name}' in {DAYS} days.{hint}")
    elif one.kind == "action":
        return _of_conditions(one, asked, names)
    elif one.kind == "stream":
        if names.lacks("stream", one.name):
            hint = did_you_mean(one.name, names.all("stream"))
            return one.warning(f"{_action(one)}: nothing from '{one.name}' in {DAYS} days.{hint}")
    elif one.kind == "rule":
        if _is_silent(one.name, names) and _may_have_come(one.name, asked, names):
            return one.warning(f"The action '{one.name}' did not occur in {DAYS} days.")
    elif one.kind == "attribute":
        if names.lacks("attribute", one.name, one.name_of):
            hint = did_you_mean(one.name, names.all("attribute", one.name_of))
            return one.warning(f"No customer has the {one.name_of} '{one.name}'.{hint}")
    elif names.lacks(one.kind, one.name, one.name_of):
        hint = did_you_mean(one.name, names.all(one.kind, one.name_of))
        return one.warning(
            f"No '{one.name_of}' of the last {DAYS} days has the {one.kind} '{one.name}'.{hint}"
        )
    return None


def _of_conditions(one: Asked, asked: Collection[Asked], names: Names) -> Problem | None:
    """An action whose events occurred, and for which its conditions never held."""
    events = [each.name for each in asked if (each.kind, each.name_of) == ("event", one.name)]
    seen = [name for name in events if names.all("event").get(name)]
    if not seen or not _is_silent(one.name, names):
        return None
    hints = ""
    for each in asked:
        if (each.kind, each.name_of) == ("page_path", one.name):
            known = names.all("page_path")
            if known and not any(path.startswith(_folder(each.name)) for path in known):
                hints += f" No visit began below '{each.name}'.{did_you_mean(each.name, known)}"
    return one.warning(
        f"The action '{one.name}' did not occur in {DAYS} days, although {' and '.join(seen)} did: "
        f"its conditions never held.{hints}",
        "Compare its conditions with what the website sends.",
    )


def _folder(path: str) -> str:
    return "/".join(path.split("/")[:2])


def _action(one: Asked) -> str:
    return f"The action '{one.name_of}'"


def _is_silent(action: str, names: Names) -> bool:
    """Whether an action was known when the tables were built, and did not occur."""
    return names.all("action").get(action) == 0


def _may_have_come(action: str, asked: Collection[Asked], names: Names) -> bool:
    """Whether the source that would bring an action has data: GA4's events, else any at all."""
    is_of_events = any((each.kind, each.name_of) == ("event", action) for each in asked)
    return bool(names.all("event")) if is_of_events else bool(names.all("stream"))
