"""What lists of members share at every advertising platform: keys, batches of one list."""

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

from pydantic import Field

from madang.sync import DestinationRefused
from madang.sync.destinations.base import Batch, Outcome, Receipt, SyncObject

#: Options of lists that the activation model applies (`sync_ad_members`): a list does not begin
#: with fewer persons, or with a name that suggests what platforms forbid, unless it was reviewed.
LeastSize = Annotated[int, Field(ge=1)] | None
ReviewedNames = tuple[str, ...]


class ListTrouble(DestinationRefused):
    """One list cannot be used: it is none of ours, closed or blocked. Others go on."""


def list_refused(batch: Batch, trouble: DestinationRefused, receipt: Receipt) -> Receipt:
    """Reject what is left of a batch whose list cannot be used."""
    for one in batch.objects:
        refused = Outcome("rejected", "list refused", trouble.message, trouble.fix)
        receipt.outcomes.setdefault(one.number, refused)
    return receipt


def hash_of(key: str) -> tuple[str, str]:
    """Return the kind and the hash of a match key (email:<sha256>); two empty texts for another.

    So nothing but a hash can leave for a platform, whatever an activation model holds.
    """
    kind, _, value = key.partition(":")
    is_hash = len(value) == 64 and not set(value) - set("0123456789abcdef")
    return (kind, value) if is_hash else ("", "")


def request_of(one: SyncObject) -> tuple[str, bool]:
    """Return the list, and whether the member is to be removed from it."""
    return one.changes[0].field, one.changes[0].value is None


def batched(
    objects: Iterable[SyncObject], most: int, encoded: Callable[[SyncObject], bytes]
) -> Iterator[Batch]:
    """Group members, in order, by list and by what is to be done with them."""
    taken: list[SyncObject] = []
    for one in objects:
        if taken and (len(taken) == most or request_of(one) != request_of(taken[0])):
            yield Batch(tuple(taken), tuple(map(encoded, taken)))
            taken = []
        taken.append(one)
    if taken:
        yield Batch(tuple(taken), tuple(map(encoded, taken)))


def list_problem(field: str) -> str | None:
    """Say why a list could not have this name, or None."""
    return None if 0 < len(field) <= 50 else "A list's name has 1 to 50 characters."
