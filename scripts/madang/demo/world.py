"""The size, the calendar and the seed of a generated company, checked."""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from madang.errors import MadangError

KST = timezone(timedelta(hours=9))

#: The moment at which the company's story stops: noon of a Sunday in Seoul.
WORLD_END = datetime(2026, 11, 1, 12, 0, tzinfo=KST)

#: Changes whenever the same arguments would give other data.
GENERATION = 7

MIN_PEOPLE = 100
MAX_PEOPLE = 5_000_000
MAX_DAYS = 730


class DemoError(MadangError):
    """The demo company cannot be generated as asked."""

    exit_code = 2


@dataclass(frozen=True)
class World:
    """What is generated (people, days, seed), and the moment at which it is looked at."""

    people: int
    days: int
    seed: int
    until: datetime

    @property
    def start(self) -> datetime:
        """Midnight in Seoul on the first day."""
        last_midnight = WORLD_END.replace(hour=0)
        return last_midnight - timedelta(days=self.days)

    @property
    def export_days(self) -> list[date]:
        """Days of which an export exists at `until`; the last one is still intraday."""
        last = self.until.astimezone(KST).date()
        first = self.start.date()
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]

    @property
    def intraday(self) -> date:
        """The day that is not over at `until`."""
        return self.until.astimezone(KST).date()

    def variables(self) -> dict[str, int | str]:
        """DuckDB variables that the SQL files read."""
        return {
            "people": self.people,
            "days": self.days,
            "seed": str(self.seed),
            "start_us": _microseconds(self.start),
            "end_us": _microseconds(WORLD_END),
            "until_us": _microseconds(self.until),
            "tablets": 8 if self.people >= 2_000 else 4,
            "walk_ins": "1.2" if self.people >= 2_000 else "0.4",
        }


def plan_world(people: int, days: int, seed: int, until: datetime | None) -> World:
    """Check the arguments of `generate`; raise `DemoError` with what to change."""
    if not MIN_PEOPLE <= people <= MAX_PEOPLE:
        raise DemoError(
            f"A demo company needs between {MIN_PEOPLE} and {MAX_PEOPLE:,} people, not {people:,}.",
            where="--people",
            fix=f"Use --people {min(max(people, MIN_PEOPLE), MAX_PEOPLE)}.",
        )
    if not 3 <= days <= MAX_DAYS:
        raise DemoError(
            f"A demo company lives between 3 and {MAX_DAYS} days, not {days}.",
            where="--days",
            fix=f"Use --days {min(max(days, 3), MAX_DAYS)}.",
        )
    moment = until or WORLD_END
    if moment.tzinfo is None:
        raise DemoError(
            f"The moment {moment.isoformat()} has no time zone.",
            where="until",
            fix=f"Write it as {moment.isoformat()}+09:00.",
        )
    world = World(people=people, days=days, seed=seed, until=moment.astimezone(KST))
    if not world.start + timedelta(days=2) <= moment <= WORLD_END:
        raise DemoError(
            f"There is nothing to look at on {moment.isoformat()}: the company's {days} days run "
            f"from {world.start.isoformat()} to {WORLD_END.isoformat()}.",
            where="until",
            fix="Choose a moment at least two days after the beginning.",
        )
    return world


def is_continuation(world: World, record: Path) -> bool:
    """Whether the record describes the same company, looked at no later than now."""
    try:
        earlier = json.loads(record.read_text(encoding="utf-8"))
        same = all(earlier[key] == value for key, value in _identity(world).items())
        return same and datetime.fromisoformat(earlier["until"]) <= world.until
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_record(world: World, record: Path) -> None:
    """Say which company lies here, so that a later look can add to it."""
    record.parent.mkdir(parents=True, exist_ok=True)
    content = _identity(world) | {"until": world.until.isoformat()}
    record.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _identity(world: World) -> dict[str, int]:
    known = asdict(world)
    known.pop("until")
    return known | {"generation": GENERATION}


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000
