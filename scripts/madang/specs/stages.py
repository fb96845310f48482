"""Stages of people and what follows from them: `meta.stages` and `meta.scenarios` of models."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from madang.specs.audiences import Where
from madang.specs.strict import Strict
from madang.specs.values import Duration, Name, Texts, Values


class Entry(Strict):
    """One way into a stage: an action, or a moment of customers; only of persons who are so."""

    did: Texts | None = None
    where: Where | None = None
    at: Name | None = None
    of: dict[Name, Values] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.did is None) == (self.at is None):
            raise ValueError("an entry takes exactly one of 'did' and 'at'.")
        if self.at is not None and self.where is not None:
            raise ValueError("'where' belongs to 'did'; the person is narrowed by 'of'.")
        return self


class Stage(Strict):
    """One stage: how people come into it, or after how long without anything."""

    name: Name
    label: Annotated[str, Field(min_length=1)] | None = None
    enter: Annotated[list[Entry], Field(min_length=1)] | None = None
    goes_back: bool = False
    quiet_for: Duration | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.enter is None) == (self.quiet_for is None):
            raise ValueError(
                f"the stage '{self.name}' takes exactly one of 'enter' and 'quiet_for'."
            )
        return self


class Journey(Strict):
    """Ordered stages, of which a person is in one."""

    name: Name
    enabled: bool = True
    label: Annotated[str, Field(min_length=1)] | None = None
    description: str | None = None
    segments: list[Name] = Field(default_factory=list)
    stages: list[Stage] = Field(default_factory=list)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.enabled:
            return self
        if len(self.stages) < 2:
            raise ValueError(f"the journey '{self.name}' needs two stages at least.")
        names = [stage.name for stage in self.stages]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two stages are named '{name}'.")
        if any(stage.quiet_for for stage in self.stages[:-1]):
            raise ValueError("only the last stage may have 'quiet_for'.")
        return self


class Start(Strict):
    """What a scenario waits after: an action, or being in a stage."""

    did: Name | None = None
    where: Where | None = None
    in_stage: Name | None = None
    journey: Name | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.did is None) == (self.in_stage is None):
            raise ValueError("'starts' takes exactly one of 'did' and 'in_stage'.")
        if (self.in_stage is None) != (self.journey is None):
            raise ValueError("'in_stage' and 'journey' stand together.")
        return self


class Scenario(Strict):
    """When somebody is to be written to: so long after a start, unless they went on."""

    name: Name
    enabled: bool = True
    label: Annotated[str, Field(min_length=1)] | None = None
    description: str | None = None
    starts: Start | None = None
    ends: Texts | None = None
    wait: Duration | None = None
    cooldown: Duration | None = None
    usable_for: Duration | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.enabled:
            return self
        for key in ("starts", "wait", "cooldown", "usable_for"):
            if getattr(self, key) is None:
                raise ValueError(f"the scenario '{self.name}' has no '{key}'.")
        if self.starts is not None and (self.starts.did is None) == (self.ends is not None):
            raise ValueError(
                f"the scenario '{self.name}': 'ends' names the actions that finish what 'did' "
                "began; a stage ends when the person leaves it."
            )
        return self
