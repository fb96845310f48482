"""What a pull did: one entry an object, the problems grouped, the exit code."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from madang.errors import MadangError
from madang.ingest.report import ProblemGroup

Status = Literal["pulled", "nothing new", "held", "failed", "missing", "not reached"]


@dataclass
class ObjectReport:
    """What became of one object. `rows` came; of these `loaded` landed, `rejected` were handed
    back, and the others had landed before. `asked_from`: None asks for all.
    """

    object: str
    source: str
    status: Status = "not reached"
    method: str | None = None
    asked_from: datetime | None = None
    rows: int = 0
    loaded: int = 0
    rejected: int = 0
    rejects_files: list[Path] = field(default_factory=list)
    reason: str | None = None
    fix: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether all that the org has of it is in."""
        return self.status in ("pulled", "nothing new")


@dataclass
class PullReport:
    """The outcome of one pull. `stopped` says why objects were not reached."""

    pull_id: str
    objects: list[ObjectReport] = field(default_factory=list)
    problems: list[ProblemGroup] = field(default_factory=list)
    requests: int = 0
    used: int | None = None
    allowed: int | None = None
    stopped: MadangError | None = None

    @property
    def exit_code(self) -> int:
        """0 when every object is in, 3 when something was left out, 1 when all was."""
        done = [one for one in self.objects if one.is_done]
        if not done:
            return 1
        complete = len(done) == len(self.objects)
        return 0 if complete and not any(one.rejected for one in self.objects) else 3
