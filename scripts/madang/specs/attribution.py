"""Touches and models of attribution: lists of the models `touches` and `attribution_credits`."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from madang.specs.audiences import Where
from madang.specs.conditions import Number
from madang.specs.strict import Strict
from madang.specs.values import Duration, Name

Text = Annotated[str, Field(min_length=1)]
#: What only one kind of model takes, and must have, but for the order, which is 1 without.
PARAMETERS = {"position": "weights", "time_decay": "half_life", "markov": "order"}


class TouchRule(Strict):
    """Which activities are touches beside the sessions of visitors, and of which channel."""

    name: Name
    description: str | None = None
    action: Name
    where: Where = Where()
    kind: Literal["message_click", "message", "offline"]
    channel_group: Text | Annotated[dict[str, Text], Field(min_length=1)]
    same_visit: Duration | None = None

    @model_validator(mode="after")
    def _of_clicks(self) -> Self:
        if self.same_visit is not None and self.kind != "message_click":
            raise ValueError(
                f"'same_visit' belongs to touches of the kind message_click; '{self.name}' is "
                f"of the kind {self.kind}."
            )
        return self


def _whole(weights: list[float]) -> list[float]:
    if len(weights) != 3:
        raise ValueError("give three weights: of the first touch, all between, and the last.")
    if min(weights) < 0 or abs(sum(weights) - 1) > 1e-9:
        listed = " + ".join(f"{weight:g}" for weight in weights)
        raise ValueError(f"weights are not negative and add up to 1; {listed} is {sum(weights):g}.")
    if weights[0] + weights[2] == 0:
        raise ValueError("the first or the last touch must have a weight.")
    return weights


class AttributionModel(Strict):
    """One model: how a conversion is divided among its touches."""

    name: Name
    label: Text
    description: str | None = None
    kind: Literal[
        *("first", "last", "linear", "position", "time_decay", "participation", "markov", "shapley")
    ]
    transform: Literal["unique", "exposure", "first"] = "unique"
    drop_direct: bool = False
    weights: Annotated[list[Number], AfterValidator(_whole)] | None = None
    half_life: Duration | None = None
    order: Annotated[int, Field(ge=1, le=3)] | None = None

    @model_validator(mode="after")
    def _own_parameters(self) -> Self:
        for kind, key in PARAMETERS.items():
            given = getattr(self, key) is not None
            if given and self.kind != kind:
                raise ValueError(f"'{key}' belongs to models of the kind {kind}, not {self.kind}.")
            if self.kind == kind and not given and key != "order":
                raise ValueError(f"a model of the kind {kind} takes '{key}'.")
        return self
