"""Draws the arms of one world many times, and counts how often the intervals of `lift` are right.

The world is invented: of each person it is known what would happen with and without a message. Its
true lift is the mean of the difference. The arms are drawn by the project's own hash with a salt
for each draw, and the figures come from the compiled SQL of `lift`; nothing of it is written a
second time here. Without an effect (A/A) it tells how often a lift is found that is none.
"""

import re
from dataclasses import dataclass

import duckdb

from madang.build.dbt import Node, run_dbt
from madang.errors import MadangError
from madang.settings.workspace import Settings

MODELS = ("holdout_assignments", "experiments", "experiment_outcomes", "lift_arms", "lift")
INTERVALS = {
    "difference": ("difference_low", "difference_high"),
    "adjusted": ("adjusted_low", "adjusted_high"),
    "relative": ("relative_low", "relative_high"),
    "anytime": ("anytime_low", "anytime_high"),
}
#: The compiled macro `holdout_arm`.
ARM = re.compile(r"case\s+when mod\((?:(?!\bend\b).)*?\bend(?=\s+as arm)", re.DOTALL)


@dataclass(frozen=True)
class Coverage:
    """Of one metric: shares of draws whose interval holds the truth, and of p-values below 0.05.

    `widths` is the mean width of each interval, as a share of the plain one's.
    """

    metric: str
    draws: int
    truth: float
    holds: dict[str, float]
    widths: dict[str, float]
    alarms: float


def simulate(
    settings: Settings,
    *,
    people: int = 3000,
    draws: int = 2000,
    share: float = 30,
    effect: bool = True,
    seed: int = 7,
) -> list[Coverage]:
    """Return the coverage of each metric. Raises MadangError where the project has no conversions.

    With `effect`, one person in twenty who would not order does, and who orders pays a tenth more.
    """
    compiled = run_dbt(settings, ["compile", "--select", *MODELS, "--no-write-json"]).nodes
    nodes = {node.name: node for node in compiled if node.kind == "model"}
    kind = _first_type(nodes["lift_arms"].compiled)
    with duckdb.connect() as db:
        _world(db, people, effect, seed)
        _draw(db, nodes, draws, share, kind)
        _measure(db, nodes)
        return _told(db, kind)


def _first_type(sql: str) -> str:
    found = re.search(r"from \(values\s+\('([^']+)'", sql)
    if found is None:
        raise MadangError(
            "The project has no type of conversions to simulate.",
            where="config.meta.conversions",
            fix="See docs/attribution.md.",
        )
    return found[1]


def _world(db: duckdb.DuckDBPyConnection, people: int, effect: bool, seed: int) -> None:
    """People with a liking that is the same before and after, so that the time before tells."""
    db.execute("set threads = 1")  # so that chance is the same in every run
    db.execute(f"select setseed({(seed % 100) / 100})")
    db.execute(f"""
        create table people as
        select
            concat({seed}, '-', range) as person_id,
            random() as liking,
            random() as before_chance,
            random() as chance,
            random() as moved_chance,
            exp(0.5 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())) as spread
        from range({people})""")
    moved, more = ("chance > 0.95", 1.1) if effect else ("false", 1.0)
    db.execute(f"""
        create table world as
        select
            person_id,
            (before_chance < 0.4 * liking)::int as orders_before,
            round(orders_before * 40000 * (0.5 + liking) * spread) as value_before,
            (chance < 0.4 * liking)::int as orders_without,
            round(orders_without * 40000 * (0.5 + liking) * spread) as value_without,
            case when {moved} then 1 else orders_without end as orders_with,
            round(orders_with * 40000 * (0.5 + liking) * spread * {more}) as value_with
        from people""")
    db.execute("reset threads")


def _draw(
    db: duckdb.DuckDBPyConnection, nodes: dict[str, Node], draws: int, share: float, kind: str
) -> None:
    arm = ARM.search(nodes["holdout_assignments"].compiled)
    if arm is None:
        raise MadangError("The hash of arms was not found.", where="holdout_assignments")
    db.execute(f"""
        create table drawn as
        with experiments as (
            select concat('draw ', range) as experiment, concat('salt ', range) as salt,
                {share}::double as share
            from range({draws})
        ),
        reachable as (select * from world)
        select experiments.experiment, reachable.*, {arm[0]} as arm
        from reachable cross join experiments""")
    db.execute(f"""
        create table experiment_outcomes as
        select experiment, person_id, arm, '{kind}' as conversion_type,
            case arm when 'treated' then orders_with else orders_without end as conversions,
            case arm when 'treated' then value_with else value_without end as value,
            orders_before as conversions_before, value_before
        from drawn
        where orders_with + orders_without + orders_before > 0""")
    db.execute("""
        create table experiments as
        select experiment, 'measured' as status,
            count(*) filter (where arm = 'treated') as treated_persons,
            count(*) filter (where arm = 'holdout') as holdout_persons
        from drawn group by experiment""")


def _measure(db: duckdb.DuckDBPyConnection, nodes: dict[str, Node]) -> None:
    for name in ("lift_arms", "lift"):
        sql = nodes[name].compiled
        for other in MODELS:
            sql = sql.replace(nodes[other].relation, other)
        db.execute(f"create table {name} as {sql}")


def _told(db: duckdb.DuckDBPyConnection, kind: str) -> list[Coverage]:
    rate, value = "avg(orders_{0})", "avg(value_{0})"
    means = {
        "conversion_rate": rate,
        "value_per_person": value,
        "value_per_conversion": f"{value} / {rate}",
    }
    told = []
    for metric, mean in means.items():
        with_it, without = mean.format("with"), mean.format("without")
        (truth, relative) = db.execute(
            f"select {with_it} - ({without}), ({with_it}) / ({without}) - 1 from world"
        ).fetchone()
        shares = ", ".join(
            f"avg(({relative if name == 'relative' else truth} between {low} and {high})::int), "
            f"avg({high} - {low}) / avg(difference_high - difference_low)"
            for name, (low, high) in INTERVALS.items()
        )
        row = db.execute(
            f"select count(*), avg((p_value < 0.05)::int), {shares} from lift "
            "where metric = ? and conversion_type = ?",
            [metric, kind],
        ).fetchone()
        found = dict(zip(INTERVALS, zip(row[2::2], row[3::2], strict=True), strict=True))
        found = {name: pair for name, pair in found.items() if pair[0] is not None}
        told.append(
            Coverage(
                metric,
                row[0],
                truth,
                {name: pair[0] for name, pair in found.items()},
                {name: pair[1] for name, pair in found.items() if name != "relative"},
                row[1],
            )
        )
    return told
