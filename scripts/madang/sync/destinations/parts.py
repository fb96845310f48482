"""Sends one batch in parts: without the rows that a platform names as wrong, else in halves.

A platform that refuses a request may name the rows that it means, or none; some take a part of it
and say no more than that. What one answer means is said by its platform (`Answer`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from madang.sync import DestinationLimited, DestinationRefused, SyncError
from madang.sync.destinations.base import ACCEPTED, Batch, Outcome, Receipt

if TYPE_CHECKING:
    from madang.http.client import Reply

SYSTEMATIC = 10  # when so many rows are refused alike, it is not about the rows


@dataclass(frozen=True)
class Answer:
    """What one answer says about the rows of its request.

    `named`: what became of those that it names, by their place in the request; the others go again.
    Where it names none and did not take them, one of them is to blame: `alone` is what becomes of
    a row that was asked about by itself. `in_part`: it took some of them without saying which; what
    becomes of them where they cannot be asked about by themselves any more. `reference` is the
    platform's own name of the request.
    """

    is_taken: bool = False
    reference: str | None = None
    named: Mapping[int, Outcome] = field(default_factory=dict)
    alone: Outcome | None = None
    in_part: Outcome | None = None


Ask = Callable[[Sequence[bytes]], "tuple[Reply, Answer]"]


def rest_not_sent(batch: Batch, receipt: Receipt, stop: SyncError) -> Receipt:
    """Reject what is left of a batch that was stopped after a part of it was taken.

    What was taken, or may have been, keeps its outcome; the rest goes with the next plan. Raises
    `stop` where nothing was.
    """
    if not any(one.status in ("accepted", "unknown") for one in receipt.outcomes.values()):
        raise stop
    left_out = Outcome("rejected", "not sent", stop.message, stop.fix)
    for one in batch.objects:
        receipt.outcomes.setdefault(one.number, left_out)
    return receipt


@contextmanager
def the_rest_waits(batch: Batch, receipt: Receipt) -> Iterator[None]:
    """Leave what is left of a batch to the next plan where a refusal stops it; see `rest_not_sent`.

    For a batch of several requests, whose outcomes are noted in `receipt` as they are known.
    """
    try:
        yield
    except (DestinationRefused, DestinationLimited) as stop:
        rest_not_sent(batch, receipt, stop)


class Parts:
    """The sending of one run. `rows` is what they are called in errors: members, conversions."""

    def __init__(self, platform: str, rows: str) -> None:
        self._platform = platform
        self._rows = rows
        self._has_accepted = False

    def send(
        self, batch: Batch, encoded: Mapping[int, bytes], receipt: Receipt, ask: Ask
    ) -> Receipt:
        """Send the rows of a batch by their place; add the outcome of each to `receipt`.

        A refusal of the whole run that comes after a part was taken leaves the rest for the next
        plan, but for the rows of a request that was taken in part: some of them may be there.
        Raises what `ask` raises, DestinationRefused where each row is refused alike.
        """
        waiting = [sorted(encoded)] if encoded else []
        doubtful: dict[int, Outcome] = {}
        while waiting:
            places = waiting.pop()
            numbers = [batch.objects[place].number for place in places]
            try:
                reply, answer = ask([encoded[place] for place in places])
            except (DestinationRefused, DestinationLimited) as stop:
                for place in chain(places, *waiting):
                    if place in doubtful:
                        receipt.outcomes[batch.objects[place].number] = doubtful[place]
                return rest_not_sent(batch, receipt, stop)
            receipt.http_status = reply.status
            receipt.attempts += reply.attempts
            if answer.reference:
                known = receipt.remote_reference
                receipt.remote_reference = " ".join(filter(None, (known, answer.reference)))
            for at, outcome in answer.named.items():
                receipt.outcomes[numbers[at]] = outcome
            if answer.is_taken:
                self._has_accepted = True
                receipt.outcomes.update(dict.fromkeys(numbers, ACCEPTED))
            elif answer.named:
                left = [place for at, place in enumerate(places) if at not in answer.named]
                waiting += [left] if left else []
            elif len(places) == 1 and answer.alone is not None:
                receipt.outcomes[numbers[0]] = answer.alone
                self._stop_if_systematic(receipt, answer.alone)
            else:
                if answer.in_part is not None:
                    self._has_accepted = True
                    doubtful |= dict.fromkeys(places, answer.in_part)
                middle = len(places) // 2
                waiting += [places[middle:], places[:middle]]
        return receipt

    def _stop_if_systematic(self, receipt: Receipt, refused: Outcome) -> None:
        """Stop where one row after the other is refused alike and none was ever taken."""
        alike = [one for one in receipt.outcomes.values() if one.problem == refused.problem]
        if not self._has_accepted and len(alike) >= SYSTEMATIC:
            raise DestinationRefused(
                f"{self._platform} refuses every one of the {self._rows}: {refused.problem}",
                fix="Correct the activation model or the settings, then plan again.",
            )
