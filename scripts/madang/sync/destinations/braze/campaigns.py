"""Braze: messages of campaigns that an API call triggers, at once or at a moment.

https://www.braze.com/docs/api/endpoints/messaging/send_messages/post_send_triggered_campaigns
https://www.braze.com/docs/api/endpoints/messaging/schedule_messages/post_schedule_triggered_campaigns
(50 recipients a request, each with properties of its own; a moment at most 90 days ahead)

Braze does not recognize doubles of messages. A request without an answer is never sent again. The
engine sends messages to a local server only (`opened` in base).

A sync model writes a row as JSON whose values are texts (`sync_braze__messages`,
`sync_braze__scenarios`).
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from madang.specs.strict import Strict, matching
from madang.specs.values import Duration, Name
from madang.sync.destinations.base import Batch, Receipt, SyncObject
from madang.sync.destinations.braze.keys import KeyOptions, id_of, kind_of
from madang.sync.destinations.braze.sending import Sending
from madang.sync.destinations.rows import (
    AHEAD,
    MICROS,
    WrongRow,
    compact,
    micros,
    needed,
    not_sent,
    texts,
)

if TYPE_CHECKING:
    from madang.http.client import Client

SEND = "/campaigns/trigger/send"
SCHEDULE = "/campaigns/trigger/schedule/create"
RECIPIENTS = 50  # a request
LATEST = 90 * 86400  # seconds ahead that a message can be scheduled
PRIORITY = ["identified", "most_recently_updated"]  # of several users with one address
CampaignId = Annotated[str, matching(r"[0-9a-f-]{8,64}", "the id of a campaign in Braze")]


class Campaign(Strict):
    """What the people of an audience get: a campaign, and the channel that permits it.

    `hour`: not at once but at this hour of the workspace's time zone, on the day after the entry.
    """

    campaign_id: CampaignId
    channel: Name
    hour: Annotated[int, Field(ge=0, le=23)] | None = None


class ScenarioCampaign(Strict):
    """What a triggered person gets: a campaign, and the channel that permits it."""

    campaign_id: CampaignId
    channel: Name


class MessageOptions(KeyOptions):
    """`campaigns`: by audience. Who entered longer ago than `within` is not written to any more.

    `scenarios`: by scenario, which says itself for how long a trigger may be used.
    """

    campaigns: Annotated[dict[Name, Campaign], Field(min_length=1)] | None = None
    scenarios: Annotated[dict[Name, ScenarioCampaign], Field(min_length=1)] | None = None
    within: Duration = "3 days"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.campaigns is None) == (self.scenarios is None):
            raise ValueError(
                "give 'campaigns' (messages for who enters an audience) or 'scenarios' "
                "(messages for triggers), each in a sync of its own."
            )
        if self.scenarios is not None and "within" in self.model_fields_set:
            raise ValueError("'within' is of campaigns; a scenario has 'usable_for'.")
        return self


class BrazeCampaigns:
    """Messages, those of one campaign and moment a request."""

    objects_per_request = RECIPIENTS

    def __init__(self, http: "Client", now: datetime) -> None:
        self._http = http
        self._now = now
        known = frozenset({"dispatch_id", "schedule_id"})
        permission = "campaigns.trigger.send and campaigns.trigger.schedule.create"
        self._sending = Sending(http, permission, may_repeat=False, known=known)

    @property
    def requests(self) -> int:
        return self._http.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group messages by campaign and moment."""
        waiting: dict[tuple[str | None, str | None], list[SyncObject]] = {}
        for one in objects:
            try:
                told = texts(one.changes[0].value)
            except WrongRow:
                told = {}
            group = (told.get("campaign_id"), told.get("send_micros"))
            taken = waiting.setdefault(group, [])
            taken.append(one)
            if len(taken) == RECIPIENTS:
                yield Batch(tuple(waiting.pop(group)), ())
        for taken in waiting.values():
            yield Batch(tuple(taken), ())

    def send(self, batch: Batch) -> Receipt:
        """Send a batch, without what is wrong by itself."""
        wrong, good, recipients = {}, [], []
        envelope: dict[str, Any] = {}
        path = SEND
        for one in batch.objects:
            try:
                told = texts(one.changes[0].value)
                envelope, path = self._envelope(told)
                recipients.append(recipient(told))
                good.append(one)
            except WrongRow as error:
                wrong[one.number] = not_sent(str(error))
        if not good:
            return Receipt(wrong)
        receipt = self._sending.send(
            Batch(tuple(good), ()),
            path,
            lambda part: compact(
                envelope | {"recipients": [recipients[at] for at in part]}
            ).encode(),
            lambda part: [("recipients", place) for place in range(len(part))],
        )
        receipt.outcomes |= wrong
        return receipt

    def close(self) -> None:
        self._http.close()

    def _envelope(self, told: dict[str, str | None]) -> tuple[dict[str, Any], str]:
        """Return what stands around the recipients, and the path. Raises WrongRow."""
        envelope: dict[str, Any] = {"campaign_id": needed(told, "campaign_id"), "broadcast": False}
        if told.get("send_micros") is None:
            return envelope, SEND
        moment = micros(needed(told, "send_micros")) // MICROS
        ahead = moment - self._now.timestamp()
        if ahead > LATEST:
            raise WrongRow("Its moment is more than 90 days ahead.")
        if ahead < AHEAD:  # it has come: a schedule of the past would be refused
            return envelope, SEND
        time = datetime.fromtimestamp(moment, UTC).isoformat()
        return envelope | {"schedule": {"time": time}}, SCHEDULE


def recipient(told: dict[str, str | None]) -> dict[str, Any]:
    """Return a message's recipient. Raises WrongRow."""
    user = needed(told, "user")
    kind, value = kind_of(user)
    own = ("user", "campaign_id", "send_micros")
    properties = {name: text for name, text in told.items() if name not in own and text is not None}
    if kind == "external_id":
        who: dict[str, Any] = {"external_user_id": value, "send_to_existing_only": True}
    elif kind == "user_alias":
        who = id_of(user)
    elif kind == "email":
        who = {"email": value, "prioritization": PRIORITY, "send_to_existing_only": True}
    else:
        raise WrongRow(f"Braze takes no recipient by {kind}.")
    return who | {"trigger_properties": properties}
