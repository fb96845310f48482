"""Audience rules: `config.meta.audience` of a model aud_<name>."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from madang.errors import did_you_mean
from madang.specs.conditions import Number
from madang.specs.strict import Strict, matching
from madang.specs.values import Day, Duration, Name, Texts, Values, one_of

KINDS = ("any", "all", "not", "did", "has", "funnel", "in_stage", "score", "in_audience", "sample")
#: What a condition on a moment of customers asks.
MOMENTS = ("from", "before", "within", "not_within")


class Where(Strict):
    """Which activities: a column of the stream is a value, or one of a list."""

    object_type: Values | None = None
    object_id: Values | None = None
    object_name: Values | None = None
    source: Values | None = None
    channel_group: Values | None = None
    campaign: Values | None = None


def _window(said: Any) -> str:
    return "(ever)" if said == "ever" else "(duration)"


#: How far back a condition looks: a duration, or `ever`.
Window = Annotated[
    Annotated[Literal["ever"], Tag("(ever)")] | Annotated[Duration, Tag("(duration)")],
    Discriminator(_window),
]
Currency = Annotated[str, matching(r"[A-Z]{3}", "a currency code such as KRW")]


class Amounts(Strict):
    """Tests of the amount of one activity."""

    at_least: Number | None = None
    at_most: Number | None = None
    more_than: Number | None = None
    less_than: Number | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at_least, at_most, more_than or less_than.")
        return self


class Total(Strict):
    """The sum of the amounts of all that is counted."""

    at_least: Number


#: What must meet a part: the person, with all that they did, or one session or event of theirs.
Scope = Literal["person", "session", "event"]


class Then(Strict):
    """A later step of a sequence: after the step before it, and within so long of it."""

    did: Name
    where: Where = Where()
    within: Duration | None = None


class DidRule(Strict):
    """Who did something often enough; or, with `and_not`, who began it and left it unfinished.

    Unfinished: the latest such activity is at least `wait` old, and no `and_not` activity with the
    same object_type came at or after it. With `then` it is a sequence: what is counted is its last
    step. `at_most` alone holds for those who never did it, too.
    """

    did: Name
    where: Where = Where()
    within: Window | None = None
    at_least: Annotated[int, Field(ge=1)] = 1
    at_most: Annotated[int, Field(ge=0)] | None = None
    and_not: Name | None = None
    wait: Duration | None = None
    then: Annotated[list[Then], Field(min_length=1)] | None = None
    first_time: Literal[True] | None = None
    value: Amounts | None = None
    total: Total | None = None
    currency: Currency | None = None
    from_: Day | None = Field(default=None, alias="from")
    until: Day | None = None
    scope: Scope = "person"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.and_not is None) != (self.wait is None):
            raise ValueError(f"'did: {self.did}' takes 'and_not' and 'wait' together or neither.")
        if self.and_not is not None and "at_least" in self.model_fields_set:
            raise ValueError(f"'did: {self.did}' takes 'at_least' or 'and_not', not both.")
        for key in ("and_not", "then"):
            given = [] if getattr(self, key) is None else self._beside(key)
            if given:
                raise ValueError(f"'did: {self.did}' takes '{key}' or '{given[0]}', not both.")
        least = self.at_least if "at_least" in self.model_fields_set else 0
        if self.at_most is not None and self.at_most < least:
            raise ValueError(f"'did: {self.did}': at_most is less than at_least: never true.")
        if self.currency is not None and self.value is None and self.total is None:
            raise ValueError(f"'did: {self.did}' takes 'currency' beside 'value' or 'total'.")
        if self.from_ is not None and self.until is not None and self.until < self.from_:
            raise ValueError(f"'did: {self.did}': 'until' is before 'from': never true.")
        return self

    def _beside(self, key: str) -> list[str]:
        """Return what is given that does not go with a key."""
        apart = ["first_time", "value", "total", "and_not" if key == "then" else "at_most"]
        return [name for name in apart if getattr(self, name) is not None]


class HasRule(Strict):
    """Whose attribute (a column of customers, not personal) is a value, or lies above or below.

    A moment lies on days (`from`, `before`), or so long ago at most (`within`) or at least.
    """

    has: Name
    is_: Values | None = Field(default=None, alias="is")
    at_least: Number | None = None
    at_most: Number | None = None
    from_: Day | None = Field(default=None, alias="from")
    before: Day | None = None
    within: Duration | None = None
    not_within: Duration | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        given = [value for value in (self.is_, self.at_least, self.at_most) if value is not None]
        moments = self.moments()
        if moments and given:
            raise ValueError(
                f"'has: {self.has}' is either compared with a value or, by "
                f"'{moments[0]}', a moment."
            )
        if not moments and len(given) != 1:
            raise ValueError(
                f"'has: {self.has}' takes exactly one of 'is', 'at_least' and 'at_most'."
            )
        return self

    def moments(self) -> list[str]:
        """Return which conditions on a moment are given."""
        values = (self.from_, self.before, self.within, self.not_within)
        return [key for key, value in zip(MOMENTS, values, strict=True) if value is not None]


def _states(said: Any) -> Any:
    known = ("open", "lost", "converted")
    for state in said if isinstance(said, list) else [said]:
        if state not in known:
            raise ValueError(f"'{state}' is not one of {', '.join(known)}.")
    return said


States = Annotated[Texts, AfterValidator(_states)]


class FunnelRule(Strict):
    """Whose entry in a funnel is in a state, stopped at a step, and was there so long ago."""

    funnel: Name
    state: States | None = None
    step: Texts | None = None
    for_: Duration | None = Field(default=None, alias="for")


class StageRule(Strict):
    """Who is in a stage now, for so long at least."""

    in_stage: Texts
    journey: Name | None = None
    stuck_for: Duration | None = None


class ScoreRule(Strict):
    """Whose score is in a band: decile_1 (lowest) to decile_10, or a cluster."""

    score: Name
    band: Texts


class InAudienceRule(Strict):
    """Who is a candidate of another audience; with `contactable`, who may be contacted for it."""

    in_audience: Texts
    contactable: bool = False


class SampleRule(Strict):
    """A share of all subjects in per cent, the same ones in every build."""

    sample: Annotated[Number, Field(gt=0, lt=100)]
    named: Annotated[str, Field(min_length=1)] | None = None


class AnyRule(Strict):
    """Whoever one of the rules holds for; with a scope, within one session or event."""

    any_: Annotated[list["Rule"], Field(min_length=1)] = Field(alias="any")
    scope: Scope = "person"


class AllRule(Strict):
    """Whoever all of the rules hold for; with a scope, within one session or event."""

    all_: Annotated[list["Rule"], Field(min_length=1)] = Field(alias="all")
    scope: Scope = "person"


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
    | Annotated[HasRule, Tag("has")]
    | Annotated[FunnelRule, Tag("funnel")]
    | Annotated[StageRule, Tag("in_stage")]
    | Annotated[ScoreRule, Tag("score")]
    | Annotated[InAudienceRule, Tag("in_audience")]
    | Annotated[SampleRule, Tag("sample")],
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


class Priority(Strict):
    """A place in a list of audiences, of which each person is in one: the first."""

    list_: Name = Field(alias="list")
    place: Annotated[int, Field(ge=1)]


class Holdout(Strict):
    """A share of people to whom nothing is sent, so that one can see what sending changes.

    `share` is in per cent. Outcomes count that come within `window` after a person came in.
    """

    share: Annotated[Number, Field(gt=0, lt=100)]
    salt: Annotated[str, Field(min_length=1)] | None = None
    since: Day
    until: Day | None = None
    window: Duration = "28 days"

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError("'until' is before 'since': no person would be held out.")
        return self


def _holdout(said: Any) -> str:
    return "(false)" if said is False else "(holdout)"


#: A holdout of its own, or false: neither that nor the one of all audiences.
OwnHoldout = Annotated[
    Annotated[Literal[False], Tag("(false)")] | Annotated[Holdout, Tag("(holdout)")],
    Discriminator(_holdout),
]


class Audience(Strict):
    """One audience: who belongs to it, and which consent each use of it needs.

    Members and waterfall are counted by the first purpose, `contact`.
    """

    label: Annotated[str, Field(min_length=1)]
    description: str | None = None
    within: Window | None = None
    rule: Rule
    priority: Priority | None = None
    consent: Consents
    holdout: OwnHoldout | None = None
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


def parts_inside(rule: Strict) -> Iterator[tuple[tuple, Strict]]:
    """Walk a rule and its sub-rules, each with its place inside the rule."""
    yield from _walk(rule, ())


for _model in (AnyRule, AllRule, NotRule, Audience):
    _model.model_rebuild()
