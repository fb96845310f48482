"""Funnels: `config.meta.funnel` of a model funnel_<name>."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from madang.errors import did_you_mean
from madang.specs.conditions import Wanted
from madang.specs.strict import Strict, matching
from madang.specs.values import Name

#: What `semantics` may be; macros/journeys/funnel_language.sql says what each sets.
PRESETS = ("ga4", "amplitude", "mixpanel", "posthog")
#: What `hold` may be, and what a breakdown may be by: columns of the stream that are not personal.
COLUMNS = ("object_id", "object_type", "object_name", "campaign", "channel_group", "source")
HELD = ("application", "object", "session", *COLUMNS)


def _positive(text: str) -> str:
    if text != "none" and int(text.split()[0]) == 0:
        raise ValueError("the duration must be longer than nothing.")
    return text


SPAN = r"\d+ (second|seconds|minute|minutes|hour|hours|day|days)"
Span = Annotated[
    str,
    matching(SPAN, "a duration such as '5 seconds', '1 hour' or '14 days'"),
    AfterValidator(_positive),
]
Window = Annotated[
    str,
    matching(rf"none|{SPAN}", "a duration such as '1 hour' or '14 days', or none"),
    AfterValidator(_positive),
]
Tie = Annotated[str, matching(r"\d+ (second|seconds)", "a duration such as '2 seconds'")]


def _known(names: tuple[str, ...]) -> BeforeValidator:
    def check(value: Any) -> Any:
        for name in value if isinstance(value, list) else [value]:
            if name not in names:
                hint = did_you_mean(str(name), names) or f" Known: {', '.join(names)}."
                raise ValueError(f"'{name}' is unknown.{hint}")
        return value

    return BeforeValidator(check)


class StepWhere(Strict):
    """Which activities: a column of the stream is a value, one of a list, or passes tests."""

    object_type: Wanted | None = None
    object_id: Wanted | None = None
    object_name: Wanted | None = None
    source: Wanted | None = None
    channel_group: Wanted | None = None
    campaign: Wanted | None = None
    value: Wanted | None = None


class Step(Strict):
    """One step: an action, narrowed to some objects."""

    name: Name
    action: Name
    where: StepWhere = StepWhere()
    label: str | None = None
    optional: bool = False
    within: Span | None = None


class Exclusion(Strict):
    """An action that must not lie between two steps."""

    action: Name
    where: StepWhere = StepWhere()
    after: Name | None = None
    before: Name | None = None
    effect: Annotated[Literal["stop", "remove"], _known(("stop", "remove"))] | None = None


class Breakdown(Strict):
    """By what the entries of a funnel are told apart, and at which of their steps."""

    by: Annotated[str, _known(COLUMNS)] = "channel_group"
    at: Name = "first"


class Funnel(Strict):
    """Steps that follow each other, all within the window from the first."""

    label: Annotated[str, Field(min_length=1)]
    description: str | None = None
    semantics: Annotated[str, _known(PRESETS)] | None = None
    window: Window | None = None
    order: Annotated[str, _known(("ordered", "strict", "any"))] = "ordered"
    entry: Annotated[str, _known(("closed", "open"))] = "closed"
    count: Annotated[str, _known(("persons", "objects", "sessions", "entries"))] | None = None
    reentry: Annotated[str, _known(("first", "optimized", "best"))] | None = None
    tie: Tie | None = None
    hold: Annotated[str | list[str], _known(HELD)] | None = None
    breakdown: Breakdown = Breakdown()
    exclude: list[Exclusion] = Field(default_factory=list)
    steps: list[Step]

    @field_validator("steps")
    @classmethod
    def _named_once(cls, steps: list[Step]) -> list[Step]:
        if len(steps) < 2:
            raise ValueError("a funnel needs two steps or more.")
        names = [step.name for step in steps]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two steps are named '{name}'.")
        required = [step.name for step in steps if not step.optional]
        if steps[0].optional or steps[-1].optional:
            raise ValueError("the first and the last step cannot be optional.")
        if len(required) < 2:
            raise ValueError("a funnel needs two steps that are not optional.")
        if steps[0].within:
            raise ValueError(f"'{steps[0].name}' is the first step: 'within' counts from a step.")
        return steps

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.window is None and self.semantics is None:
            raise ValueError(
                "The key 'window' is missing: say how long an entry has, such as '30 days'."
            )
        actions = [step.action for step in self.steps]
        if self.tie and int(self.tie.split()[0]) and len(set(actions)) < len(actions):
            raise ValueError("tie: with a tolerance, an action can be one step only.")
        if self.count == "objects" and not self.hold:
            raise ValueError("count: 'objects' needs 'hold', which says what of.")
        if self.order != "ordered" and any(step.optional for step in self.steps):
            raise ValueError(f"order: '{self.order}' has no optional steps.")
        if self.order == "any":
            self._any_order_holds_together()
        return self

    def _any_order_holds_together(self) -> None:
        if self.entry == "open" or any(step.within for step in self.steps):
            raise ValueError("order: 'any' takes no 'within' and no open entry.")
        if self.count == "entries":
            raise ValueError("order: 'any' counts persons, objects or sessions.")
        if any(one.after or one.before for one in self.exclude):
            raise ValueError("order: 'any' excludes between all steps, without after and before.")
        pairs = [(step.action, step.where) for step in self.steps]
        if any(pairs.count(pair) > 1 for pair in pairs):
            raise ValueError("order: 'any' takes no step twice.")
