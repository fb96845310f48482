"""What hangs together and what a never-link cuts, in plain Python: what the models are held to.

Written apart from them: union-find and a walk from both ends, over the few identifiers of a test.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

Pair = tuple[str, str]


@dataclass(frozen=True)
class Tie:
    """An edge that is not in quarantine. `is_decided`: people tied the two."""

    left: str
    right: str
    is_decided: bool = False
    evidence: int = 1
    first_seen: datetime | None = None

    @property
    def ends(self) -> Pair:
        return self.left, self.right


class ContradictionError(Exception):
    """Two identifiers that decisions tie together are never to be one person."""


def components(nodes: Iterable[str], ties: Iterable[Tie]) -> dict[str, str]:
    """Return for every node the smallest node that it hangs together with."""
    parent = {node: node for node in nodes}

    def root(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for tie in ties:
        left, right = sorted((root(tie.left), root(tie.right)))
        parent[right] = left
    return {node: root(node) for node in list(parent)}


def cuts(ties: Iterable[Tie], never: Iterable[Pair]) -> dict[Pair, set[Pair]]:
    """Return the ties to cut, by their ends, with the pairs that each is cut for.

    Raises ContradictionError where decisions tie the two of a pair together.
    """
    ties = list(ties)
    group = components((), (tie for tie in ties if tie.is_decided))
    links: dict[str, dict[str, list[Tie]]] = defaultdict(lambda: defaultdict(list))
    for tie in ties:
        left, right = group.get(tie.left, tie.left), group.get(tie.right, tie.right)
        if left != right:
            links[left][right].append(tie)
            links[right][left].append(tie)
    found: dict[Pair, set[Pair]] = defaultdict(set)
    for pair in {tuple(sorted(pair)) for pair in never}:
        first, second = (group.get(end, end) for end in pair)
        if first == second:
            raise ContradictionError
        sides = _sides(links, first, second)
        for tie in ties:
            left = sides.get(group.get(tie.left, tie.left))
            right = sides.get(group.get(tie.right, tie.right))
            if left is not None and right is not None and left != right:
                found[tie.ends].add(pair)
    return dict(found)


def _sides(links: dict[str, dict[str, list[Tie]]], first: str, second: str) -> dict[str, int]:
    """Walk from both ends at once; who is reached goes to the nearer end."""
    sides = {first: 0, second: 1}
    frontier = [first, second]
    while frontier:
        reached: dict[str, dict[int, list[Tie]]] = defaultdict(lambda: defaultdict(list))
        for node in frontier:
            for neighbour, between in links.get(node, {}).items():
                if neighbour not in sides:
                    reached[neighbour][sides[node]] += between
        for node, candidates in reached.items():
            sides[node] = min(candidates, key=lambda side: (*_weight(candidates[side]), side))
        frontier = list(reached)
    return sides


def _weight(ties: list[Tie]) -> tuple[int, datetime]:
    """More evidence comes first, then what was there first."""
    seen = [tie.first_seen for tie in ties if tie.first_seen is not None]
    return -sum(tie.evidence for tie in ties), min(seen, default=datetime.max)
