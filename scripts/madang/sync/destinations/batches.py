"""Groups objects, in their order, into requests within the limits of a destination."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice

from madang.sync.destinations.base import Batch, SyncObject


def request_of(one: SyncObject) -> tuple[str, bool]:
    """Return the list, and whether the member is to be removed from it."""
    return one.changes[0].field, one.changes[0].value is None


def batched(
    objects: Iterable[SyncObject], most: int, encoded: Callable[[SyncObject], bytes]
) -> Iterator[Batch]:
    """Group members, in order, by list and by what is to be done with them."""
    for _, alike in groupby(objects, request_of):
        while taken := tuple(islice(alike, most)):
            yield Batch(taken, tuple(map(encoded, taken)))


def within_limits(
    encoded: Iterable[tuple[SyncObject, bytes]], most: int, most_bytes: int
) -> Iterator[Batch]:
    """Group objects, in order, by their number and the bytes that they take, a comma each.

    One that is larger than that is a request by itself.
    """
    taken: list[SyncObject] = []
    contents: list[bytes] = []
    size = 0
    for one, content in encoded:
        if taken and (len(taken) == most or size + len(content) + 1 > most_bytes):
            yield Batch(tuple(taken), tuple(contents))
            taken, contents, size = [], [], 0
        taken.append(one)
        contents.append(content)
        size += len(content) + 1
    if taken:
        yield Batch(tuple(taken), tuple(contents))
