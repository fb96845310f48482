"""Funnels: `config.meta.funnel` of a model funnel_<name>."""

from typing import Annotated

from pydantic import Field, field_validator

from madang.specs.audiences import Where
from madang.specs.strict import Strict
from madang.specs.values import Duration, Name


class Step(Strict):
    """One step: an action, narrowed to some objects."""

    name: Name
    action: Name
    where: Where = Where()
    label: str | None = None


class Funnel(Strict):
    """Steps that follow each other, all within the window from the first."""

    label: Annotated[str, Field(min_length=1)]
    description: str | None = None
    window: Duration
    steps: Annotated[list[Step], Field(min_length=2)]

    @field_validator("steps")
    @classmethod
    def _named_once(cls, steps: list[Step]) -> list[Step]:
        names = [step.name for step in steps]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two steps are named '{name}'.")
        return steps
