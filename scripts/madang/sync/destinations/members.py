"""What lists of members share at every advertising platform: their keys, names and troubles."""

from collections.abc import Callable, Collection, Iterable
from typing import Annotated

from pydantic import Field

from madang.sync import DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import Batch, NoOptions, Outcome, Receipt
from madang.sync.destinations.rows import not_sent

DIGITS = "0123456789abcdef"  # of a hash
TRIES = 3  # to make a list

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
    is_hash = len(value) == 64 and not value.strip(DIGITS)  # half the time of a regular expression
    return (kind, value) if is_hash else ("", "")


def with_hash(batch: Batch, rows: Iterable[bytes | None], receipt: Receipt) -> dict[int, bytes]:
    """Return the rows of a batch by their place; reject a member that has none, for its key."""
    encoded: dict[int, bytes] = {}
    for place, (one, row) in enumerate(zip(batch.objects, rows, strict=True)):
        if row:
            encoded[place] = row
        else:
            problem = "Its key is no SHA-256 hash of an address or a number."
            receipt.outcomes[one.number] = not_sent(problem)
    return encoded


def list_problem(field: str) -> str | None:
    """Say why a list could not have this name, or None."""
    return None if 0 < len(field) <= 50 else "A list's name has 1 to 50 characters."


class ListOptions(NoOptions):
    """`least_size` and `reviewed_names` are those of lists."""

    least_size: LeastSize = None
    reviewed_names: ReviewedNames = ()


class ListsByName:
    """The lists of an account by their names; one that is not there is made once.

    `listed` asks for all of them (name and id), `made` makes one and returns its id.
    """

    def __init__(
        self,
        platform: str,
        listed: Callable[[], Iterable[tuple[str, str]]],
        made: Callable[[str], str],
    ) -> None:
        self._platform, self._ask, self._make = platform, listed, made
        self._known: dict[str, set[str]] | None = None

    def id_of(self, audience: str) -> str:
        """Return the id of the list of an audience; make it where there is none.

        Raises ListTrouble where there are two: neither can be known to be ours.
        """
        called = _name_of(audience)
        for _ in range(TRIES):
            if found := self._all().get(called):
                if len(found) > 1:
                    raise ListTrouble(
                        f"{self._platform} has {len(found)} audiences with the name {called}.",
                        fix="Give all but one of them another name there.",
                    )
                return next(iter(found))
            try:
                self._all()[called] = {self._make(called)}
            except DestinationUnclear:  # it may be there: look before making another
                self._known = None
        raise DestinationUnclear(
            f"Whether {self._platform} made the audience {called} is unknown.",
            fix="Look there for it, then run the same command again.",
        )

    def missing(self, audiences: Collection[str]) -> set[str]:
        """Return those audiences that have no list there."""
        return {one for one in audiences if _name_of(one) not in self._all()}

    def _all(self) -> dict[str, set[str]]:
        if self._known is None:
            self._known = {}
            for name, found in self._ask():
                self._known.setdefault(name, set()).add(found)
        return self._known


def _name_of(audience: str) -> str:
    return f"madang_{audience}"
