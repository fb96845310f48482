"""Audience rules: `config.meta.audience` of a model aud_<name>."""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from madang.errors import did_you_mean
from madang.specs.conditions import Number
from madang.specs.strict import Strict
from madang.specs.values import Duration, Name, Values, one_of

KINDS = ("any", "all", "not", "did", "has")


class Where(Strict):
    """Which activities: a column of the stream is a value, or one of a list."""

    object_type: Values | None = None
    object_id: Values | None = None
    object_name: Values | None = None
    source: Values | None = None
    channel_group: Values | None = None
    campaign: Values | None = None


class DidRule(Strict):
    """Who did something often enough; or, with `and_not`, who began it and left it unfinished.

    Unfinished: the latest such activity is at least `wait` old, and no `and_not` activity with the
    same object_type came at or after it.
    """

    did: Name
    where: Where = Where()
    within: Duration | None = None
    at_least: Annotated[int, Field(ge=1)] = 1
    and_not: Name | None = None
    wait: Duration | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.and_not is None) != (self.wait is None):
            raise ValueError(f"'did: {self.did}' takes 'and_not' and 'wait' together or neither.")
        if self.and_not is not None and "at_least" in self.model_fields_set:
            raise ValueError(f"'did: {self.did}' takes 'at_least' or 'and_not', not both.")
        return self


class HasRule(Strict):
    """Whose attribute (a column of customers, not personal) is a value, or lies above or below."""

    has: Name
    is_: Values | None = Field(default=None, alias="is")
    at_least: Number | None = None
    at_most: Number | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        given = [value for value in (self.is_, self.at_least, self.at_most) if value is not None]
        if len(given) != 1:
            raise ValueError(
                f"'has: {self.has}' takes exactly one of 'is', 'at_least' and 'at_most'."
            )
        return self


class AnyRule(Strict):
    """Whoever one of the rules holds for."""

    any_: Annotated[list["Rule"], Field(min_length=1)] = Field(alias="any")


class AllRule(Strict):
    """Whoever all of the rules hold for."""

    all_: Annotated[list["Rule"], Field(min_length=1)] = Field(alias="all")


class NotRule(Strict):
    """Whoever the rule does not hold for."""

    not_: "Rule" = Field(alias="not")


def _kind(data: Any) -> str | None:
    """The kind of a rule by its key; a misspelt key counts as the closest, which then tells."""
    given = one_of(data, KINDS)
    if len(given) == 1:
        return given[0]
    if not given and isinstance(data, dict):
        for key in data:
            if close := [kind for kind in KINDS if f"'{kind}'" in did_you_mean(key, KINDS)]:
                return close[0]
    return None


Rule = Annotated[
    Annotated[AnyRule, Tag("any")]
    | Annotated[AllRule, Tag("all")]
    | Annotated[NotRule, Tag("not")]
    | Annotated[DidRule, Tag("did")]
    | Annotated[HasRule, Tag("has")],
    Discriminator(
        _kind,
        custom_error_type="rule_kind",
        custom_error_message=f"A rule takes exactly one of {', '.join(KINDS)}",
    ),
]


def _once(channels: list[str]) -> list[str]:
    if len(set(channels)) != len(channels):
        raise ValueError("a channel stands twice.")
    return channels


Channels = Annotated[list[Name], Field(min_length=1), AfterValidator(_once)]


class Consent(Strict):
    """The permission that one use of the audience needs: any one of the channels is enough.

    What purposes and channels there are is in the seed consent_policy.
    """

    purpose: Name
    channels: Channels


def _listed(data: Any) -> Any:
    return data if isinstance(data, list) else [data]


def _of_purposes(consents: list[Consent]) -> list[Consent]:
    if len({one.purpose for one in consents}) != len(consents):
        raise ValueError("a purpose stands twice.")
    return consents


Consents = Annotated[
    list[Consent], BeforeValidator(_listed), Field(min_length=1), AfterValidator(_of_purposes)
]


class Audience(Strict):
    """One audience: who belongs to it, and which consent each use of it needs.

    Members and waterfall are counted by the first purpose, `contact`.
    """

    label: Annotated[str, Field(min_length=1)]
    description: str | None = None
    within: Duration | None = None
    rule: Rule
    consent: Consents
    requires_fresh: list[Name] = Field(default_factory=list)

    @property
    def contact(self) -> Consent:
        """The purpose that the audience names first."""
        return self.consent[0]

    def parts(self) -> Iterator[tuple[tuple, Strict]]:
        """Walk the rule and its sub-rules, each with its place inside the audience."""
        yield from _walk(self.rule, ("rule",))


def _walk(rule: Strict, at: tuple) -> Iterator[tuple[tuple, Strict]]:
    yield at, rule
    if isinstance(rule, AnyRule):
        for number, part in enumerate(rule.any_):
            yield from _walk(part, (*at, "any", number))
    elif isinstance(rule, AllRule):
        for number, part in enumerate(rule.all_):
            yield from _walk(part, (*at, "all", number))
    elif isinstance(rule, NotRule):
        yield from _walk(rule.not_, (*at, "not"))


for _model in (AnyRule, AllRule, NotRule, Audience):
    _model.model_rebuild()
