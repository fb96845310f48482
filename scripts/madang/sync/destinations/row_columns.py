"""What a row may say of a person beside its key: `columns` of a sync, as `sync_row` reads them."""

from typing import Annotated, Literal

from pydantic import Field

from madang.specs.strict import Strict, matching
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
