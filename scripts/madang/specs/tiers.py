"""Tiers by rules: `config.meta.tier_rules` of a model, the highest first."""

from collections.abc import Collection, Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from madang.errors import did_you_mean
from madang.specs.conditions import Number
from madang.specs.project import ModelEntry, Project
from madang.specs.strict import Strict
from madang.specs.values import Duration, Texts


class TierRule(Strict):
    """One tier: how much was verified within how long, of which types of conversions."""

    name: Annotated[str, Field(min_length=1)]
    description: str | None = None
    enabled: bool = True
    within: Duration
    value: Number | None = None
    conversions: Annotated[int, Field(ge=1)] | None = None
    of: Texts | None = None

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if self.value is None and self.conversions is None:
            raise ValueError(
                f"the tier '{self.name}' needs 'value' (a verified amount) or 'conversions' "
                "(how many verified ones)."
            )
        return self


def check_tiers(
    project: Project,
    tiers: Mapping[str, tuple[ModelEntry, tuple, TierRule]],
    conversions: Collection[str],
) -> None:
    """Tell types of conversions that do not exist."""
    for entry, place, rule in tiers.values():
        for name in [rule.of] if isinstance(rule.of, str) else rule.of or []:
            if name not in conversions:
                message = f"Unknown type of conversions '{name}'.{did_you_mean(name, conversions)}"
                project.problems.append(entry.problem((*place, "of"), message))
