"""What a model gives: scores of people, and how good they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field

PUBLISHED, NO_BETTER, TOO_FEW = "published", "no_better", "too_few"


@dataclass(frozen=True)
class Quality:
    """One measure of a model on a later time, beside a simple rule; less is better, unless said.

    `margin` is by how much it must be better, where chance alone may make it so.
    """

    measure: str
    value: float
    baseline: float
    persons: int
    positives: int | None = None
    more_is_better: bool = False
    margin: float = 0

    @property
    def is_better(self) -> bool:
        """Whether the model beats the simple rule."""
        if self.more_is_better:
            return self.value - self.margin > self.baseline
        return self.value + self.margin < self.baseline


@dataclass(frozen=True)
class Made:
    """One model's scores by person. Without `quality` there was too little to fit or to measure."""

    model: str
    version: str
    scores: dict[str, float] = field(default_factory=dict)
    quality: Sequence[Quality] = ()
    persons: int = 0
    positives: int | None = None

    @property
    def status(self) -> str:
        """published where every measure beats the simple rule."""
        if not self.quality:
            return TOO_FEW
        return PUBLISHED if all(one.is_better for one in self.quality) else NO_BETTER
