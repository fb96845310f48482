"""The order rule: `vars.order_rule` of dbt_project.yml, which says what counts as an order."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from madang.specs.conditions import Number, readable_regex
from madang.specs.strict import Strict

WithoutId = Literal["if_revenue", "count", "exclude"]


class OrderRule(Strict):
    """What counts as an order; the macro `order_rule` holds the same keys and the defaults."""

    one_order_per: Literal["person", "device", "property", "event"] = "person"
    transaction_id: Literal["record_or_parameter", "record"] = "record_or_parameter"
    placeholders: list[str | int] = Field(default_factory=list)
    placeholder_id: WithoutId = "if_revenue"
    empty_id: WithoutId = "if_revenue"
    missing_id: WithoutId = "if_revenue"
    repeat_days: Annotated[int, Field(ge=1)] | None = None
    minimum_revenue: Number | None = None
    test_ids: Annotated[str, AfterValidator(readable_regex)] | None = None
    leave_out: list[Literal["internal_traffic", "measurement_protocol"]] = Field(
        default_factory=list
    )
