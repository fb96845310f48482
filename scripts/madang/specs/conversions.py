"""Types of conversions: `config.meta.conversions` of the model `conversions`."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from madang.specs.audiences import Where
from madang.specs.conditions import Number
from madang.specs.strict import Strict, matching
from madang.specs.values import Duration, Name, Texts


def _one_currency(said: object) -> object:
    if isinstance(said, list):
        listed = ", ".join(map(str, said))
        raise ValueError(f"a conversion type has one currency, not several ({listed}).")
    return said


Currency = Annotated[
    str,
    BeforeValidator(_one_currency),
    matching(r"[A-Z]{3}", "a currency code such as KRW"),
]


class Amount(Strict):
    """A fixed amount; without `currency` it is in the project's."""

    amount: Number
    currency: Currency | None = None


def _kind(value: object) -> str:
    return "(amount)" if isinstance(value, dict | Amount) else "(text)"


def _word(word: str, meaning: str) -> AfterValidator:
    def check(said: str) -> str:
        if said != word:
            raise ValueError(f"give {word} ({meaning}), or {{amount: 50000, currency: KRW}}.")
        return said

    return AfterValidator(check)


FixedAmount = Annotated[Amount, Tag("(amount)")]
Value = Annotated[
    Annotated[str, _word("action", "the amount of the activity"), Tag("(text)")] | FixedAmount,
    Discriminator(_kind),
]
VerifiedValue = Annotated[
    Annotated[str, _word("outcome", "the amount of the outcome"), Tag("(text)")] | FixedAmount,
    Discriminator(_kind),
]
Lookback = Annotated[
    str,
    matching(r"[1-9]\d* days?", "a number of days such as '30 days'"),
]


class VerifiedBy(Strict):
    """Which action verifies a conversion, and within how long; what that is worth."""

    action: Texts
    within: Duration
    value: VerifiedValue | None = None


class ConversionType(Strict):
    """One type: the action that is a conversion, its value, its lookback, and what becomes of it.

    Without `verified_by` it is verified at once.
    """

    name: Name
    label: Annotated[str, Field(min_length=1)]
    description: str | None = None
    action: Name
    where: Where = Where()
    counts: Literal["every_time", "once"] = "every_time"
    value: Value
    lookback: Lookback
    lookback_steps: Annotated[int, Field(ge=1)] | None = None
    verified_by: VerifiedBy | None = None
    taken_back_by: Texts | None = None
    reduced_by: Texts | None = None

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        verified = self.verified_by.value if self.verified_by else None
        if not isinstance(verified, Amount):
            return self
        if not isinstance(self.value, Amount):
            raise ValueError(
                f"the verified value of '{self.name}' is a fixed amount, "
                "so its 'value' must be one."
            )
        if verified.currency != self.value.currency:
            given = [one.currency or "the project's" for one in (self.value, verified)]
            raise ValueError(
                f"'{self.name}' has two currencies, {given[0]} and {given[1]}: "
                "a conversion type has one."
            )
        return self

    @model_validator(mode="after")
    def _one_effect(self) -> Self:
        effects: dict[str, str] = {}
        for place, name in self.later_actions():
            key = place[0]
            if effects.setdefault(name, key) != key:
                raise ValueError(f"'{name}' stands in '{effects[name]}' and in '{key}'.")
        return self

    def later_actions(self) -> list[tuple[tuple, str]]:
        """Return the actions that change a conversion, each with its place."""
        given = {("taken_back_by",): self.taken_back_by, ("reduced_by",): self.reduced_by}
        if self.verified_by is not None:
            given[("verified_by", "action")] = self.verified_by.action
        return [
            (place if isinstance(names, str) else (*place, number), name)
            for place, names in given.items()
            for number, name in enumerate([names] if isinstance(names, str) else names or [])
        ]


class ScoreGoal(Strict):
    """A goal of `vars.score_goals`: people get the probability that they reach it in time."""

    conversion_type: Name
    within: Duration
