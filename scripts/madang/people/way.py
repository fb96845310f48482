"""The shortest way between two identifiers, over pairs that are read from a table."""

from collections import defaultdict
from collections.abc import Iterable

Pair = tuple[str, str]


def way(pairs: Iterable[Pair], start: str, end: str) -> list[Pair] | None:
    """Return the shortest way as (from, to) steps, None where there is none."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for left, right in pairs:
        neighbours[left].add(right)
        neighbours[right].add(left)
    before: dict[str, str | None] = {start: None}
    waiting = [start]
    for node in waiting:
        for neighbour in sorted(neighbours[node]):
            if neighbour not in before:
                before[neighbour] = node
                waiting.append(neighbour)
    if end not in before:
        return None
    steps: list[Pair] = []
    while (previous := before[end]) is not None:
        steps.append((previous, end))
        end = previous
    return steps[::-1]
