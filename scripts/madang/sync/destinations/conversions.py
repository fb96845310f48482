"""What sends conversions to an ad platform, with what is wrong in them kept back.

How a conversion is written and what an answer means is in the platform's own module.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from madang.sync.destinations.base import Batch, Receipt, SyncObject
from madang.sync.destinations.batches import batched
from madang.sync.destinations.parts import Answer, Parts
from madang.sync.destinations.reports import Report, only_tested, read_report, unknown_type
from madang.sync.destinations.rows import WrongRow, as_it_is, not_sent

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

DAY = 86_400  # seconds


class Conversions(ABC):
    """Conversions of one account, which a platform finds by its click ids and by match keys.

    `tested_by` is the setting with which the platform counts none of them, where it is set.
    """

    platform: ClassVar[str]
    click_ids: ClassVar[tuple[str, ...]]

    def __init__(
        self, client: "Client", settings: Any, options: Any, now: datetime, tested_by: str = ""
    ) -> None:
        self._client = client
        self._settings = settings
        self._events = options.conversions
        self._now = now
        self._tested_by = tested_by
        self._parts = Parts(self.platform, "conversions")
        self.objects_per_request = settings.events_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group conversions, in order, by their type."""
        return batched(objects, self.objects_per_request, as_it_is)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch without what is wrong in it; in parts where the platform refuses it."""
        receipt, encoded = Receipt(), {}
        of = self._events.get(batch.objects[0].changes[0].field)
        for place, one in enumerate(batch.objects):
            try:
                if of is None:
                    raise unknown_type(one.changes[0].field, self._events)
                report = read_report(one, self.platform, self.click_ids, self._now)
                encoded[place] = self.encoded(report, of, one.key)
            except WrongRow as wrong:
                receipt.outcomes[one.number] = not_sent(str(wrong))
        if encoded:
            self.send_parts(batch, of, encoded, receipt)
        return only_tested(receipt, self.platform, self._tested_by) if self._tested_by else receipt

    def send_parts(
        self, batch: Batch, of: Any, encoded: Mapping[int, bytes], receipt: Receipt
    ) -> None:
        """Send what is right, by its place; add the outcome of each to `receipt`."""
        self._parts.send(batch, encoded, receipt, lambda rows: self.ask(of, rows))

    def close(self) -> None:
        self._client.close()

    @abstractmethod
    def encoded(self, report: Report, of: Any, key: str) -> bytes:
        """Return a conversion as it stands in a request. Raises WrongRow."""

    @abstractmethod
    def ask(self, of: Any, rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
        """Make one request of conversions of a type; return what its answer says of them."""


def check_findable(report: Report, platform: str, api: str | None = None) -> None:
    """Raise WrongRow for a correction, and for what the platform could not find a person by."""
    if report.operation != "conversion":
        raise WrongRow(f"{api or platform} takes no corrections.")
    if report.click_id is None and not report.match_keys:
        raise WrongRow(f"It has neither a click id of {platform}'s nor a match key.")
