"""Explains a pair: why two identifiers are one person, or what keeps them apart."""

from madang import times, ui
from madang.audiences.look import require
from madang.people.decisions import Decision, read
from madang.people.identifiers import TABLES, Identifier, Neighbourhood, around, find, key_of
from madang.people.way import Pair, way
from madang.settings.workspace import Settings
from madang.warehouse import Row, open_warehouse

COLUMNS = ("from", "to", "rule", "source", "first seen", "last seen", "evidence", "so")


def show_pair(settings: Settings, first: str, second: str) -> None:
    """Print the answer with the way from one to the other. Raises UsageError for unknown ones."""
    with open_warehouse(settings, read_only=True) as warehouse:
        require(warehouse, *TABLES)
        left, right = find(warehouse, first), find(warehouse, second)
        near = around(warehouse, [left, right])
        pair = _Pair(near, left, right, read(settings))
        ui.summary(pair.verdict(), pair.facts())
        ui.table("The way from one to the other", COLUMNS, pair.way(), empty="there is none")
        ui.table(
            "Decisions about them",
            ("decision", "between", "and", "author", "when", "reason"),
            pair.told_decisions(),
            empty="none",
        )


class _Pair:
    def __init__(
        self,
        near: Neighbourhood,
        left: Identifier,
        right: Identifier,
        decided: list[Decision],
    ) -> None:
        self._near, self._left, self._right = near, left, right
        self._decided = [one for one in decided if self._concerns(one)]
        self._steps = self._way()
        self._cut = [step for step in self._steps if self._is_cut(step)]

    def _concerns(self, one: Decision) -> bool:
        """Whether a decision is about somebody among them."""
        persons = {self._left.person_id, self._right.person_id} - {None}
        keys = {self._left.key, self._right.key}
        keys |= {key for key, known in self._near.identifiers.items() if known.person_id in persons}
        return bool(keys & {key_of(*place) for place in one.ends})

    def _way(self) -> list[Pair]:
        """The way by edges that join; else by those that are cut too, else by all."""
        joins, cut, limited = [], [], []
        for row in self._near.edges:
            pair = (row["left_key"], row["right_key"])
            if row["is_quarantined"]:
                limited.append(pair)
            else:
                (cut if pair in self._near.cut else joins).append(pair)
        for pairs in (joins, joins + cut, joins + cut + limited):
            steps = way(pairs, self._left.key, self._right.key)
            if steps is not None:
                return steps
        return []

    def _is_cut(self, step: Pair) -> bool:
        return step in self._near.cut or step[::-1] in self._near.cut

    def verdict(self) -> str:
        for one in (self._left, self._right):
            if one.quarantine:
                return f"{self._words(one)} is in quarantine ({one.quarantine}): it names nobody"
        names = f"{self._words(self._left)} and {self._words(self._right)}"
        if self._left.person_id == self._right.person_id:
            return f"{names} are one person"
        if self._cut:
            return f"{names} are two persons: people decided that they are never one"
        if self._steps:
            return f"{names} are two persons: what ties them is in quarantine"
        return f"{names} are two persons: nothing ties them"

    def facts(self) -> list[tuple[str, str]]:
        rows = [(self._words(one), one.person_id or "nobody") for one in (self._left, self._right)]
        for key in dict.fromkeys(key for step in self._steps for key in step):
            reason = self._near.identifiers[key].quarantine
            if reason:
                rows.append((self._near.words[key], f"in quarantine: {reason}"))
        return rows

    def way(self) -> list[tuple]:
        """Return every tie on the way, step by step."""
        return [
            (
                self._near.words[start],
                self._near.words[end],
                row["rule"],
                row["source"],
                row["first_seen_at"],
                row["last_seen_at"],
                row["evidence_count"],
                self._effect(row, (start, end)),
            )
            for start, end in self._steps
            for row in self._near.edges
            if {row["left_key"], row["right_key"]} == {start, end}
        ]

    def _effect(self, row: Row, step: Pair) -> str:
        if row["is_quarantined"]:
            return "in quarantine, joins nobody"
        return "cut by a decision, joins nobody" if self._is_cut(step) else "joins"

    def told_decisions(self) -> list[tuple]:
        told = []
        for one in self._decided:
            ends = [key_of(one.left_type, one.left_value)]
            if one.right_value:
                ends.append(key_of(one.right_type, one.right_value))
            words = [self._name(key) for key in ends] + [None]
            when = times.read(one.decided_at)
            told.append((one.decision, words[0], words[1], one.author, when, one.reason))
        return told

    def _name(self, key: str) -> str:
        return self._near.words[key] if key in self._near.identifiers else "one of another person"

    def _words(self, one: Identifier) -> str:
        return self._near.words[one.key]
