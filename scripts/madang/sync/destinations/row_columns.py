"""What a row may say of a person beside its key: `columns` of a sync, as `sync_row` reads them."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from madang.specs.strict import Strict, matching
from madang.specs.values import Name
from madang.sync.destinations.base import NoOptions

Sources = Literal[
    "audience",
    "channel",
    "person_id",
    "name",
    "email",
    "phone",
    "tier",
    "region",
    "orders",
    "registered_at",
    "first_seen_at",
    "last_activity_at",
    "last_order_at",
    "total_order_amount",
]
OfTriggers = Literal["scenario", "stage", "started_at", "triggered_at", "usable_until"]
ColumnName = Annotated[
    str, matching(r"[A-Za-z][A-Za-z0-9_]{0,49}", "the name of a column: letters, digits and _")
]


class ColumnOf(Strict):
    """A column. `from` says what of the person it holds; a `Date` is the workspace's wall clock."""

    source: Annotated[Sources, Field(alias="from")]
    type: Literal["Text", "Number", "Decimal", "Date"] = "Text"


class RowOptions(NoOptions):
    """What rows say: `key_column` holds the key, `columns` are those beside it, in their order."""

    key_column: ColumnName = "key"
    columns: dict[ColumnName, ColumnOf] = Field(default={})


class SentTrigger(Strict):
    """How triggers of a scenario are sent: the channel on which the person may be contacted."""

    channel: Name


class EventColumnOf(ColumnOf):
    """A column of an event, which may also hold what a scenario's trigger says."""

    source: Annotated[Sources | OfTriggers, Field(alias="from")]


class EventOptions(RowOptions):
    """What events say. With `scenarios` they are triggers of these (`sync_webhook__scenarios`)."""

    columns: dict[ColumnName, EventColumnOf] = Field(default={})
    scenarios: Annotated[dict[Name, SentTrigger], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _has_triggers(self) -> Self:
        of_triggers = [
            column.source
            for column in self.columns.values()
            if column.source in get_args(OfTriggers)
        ]
        if of_triggers and self.scenarios is None:
            raise ValueError(f"'from: {of_triggers[0]}' is of a trigger: name 'scenarios'.")
        return self
