"""How often `lift` holds what a message really changed, over many worlds and from end to end.

    python benchmarks/lift_worlds.py [--worlds 40] [--people 1500] [--days 45]

Each seed is another invented company. It is generated, loaded and built as far as `lift`, and the
intervals of its two experiments are held against the world: who orders with the message and who
orders without it. Of intervals of 95 % over 80 experiments fewer than 69 hold the truth once in a
thousand runs; the exit code is 1 then, and where an experiment was not measured.
"""

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import redirect_stdout
from math import comb
from pathlib import Path

import duckdb

from madang.build.dbt import run_dbt
from madang.demo import generate
from madang.settings.workspace import Settings, load_settings
from madang.work import load

ONCE_IN = 1000
INTERVALS = ("difference", "adjusted", "anytime")
HELD = """
    with world as (
        select experiment, avg(orders_with::int) - avg(orders_without::int) as effect
        from read_parquet(?) group by experiment
    )
    select
        experiment, effect, status,
        effect between difference_low and difference_high,
        effect between adjusted_low and adjusted_high,
        effect between anytime_low and anytime_high,
        is_significant
    from world left join madang_marts.lift using (experiment)
    where conversion_type = 'order' and metric = 'conversion_rate'
    order by experiment"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=40)
    parser.add_argument("--people", type=int, default=1500)
    parser.add_argument("--days", type=int, default=45)
    options = parser.parse_args()
    found: list[tuple] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, options.worlds + 1):
            began = time.perf_counter()
            root = Path(folder) / "company"
            for part in ("ga4", "inbox", "truth", "warehouse.duckdb"):
                gone = root / part
                shutil.rmtree(gone, ignore_errors=True)
                gone.unlink(missing_ok=True)
            generate(root, people=options.people, days=options.days, seed=seed)
            rows = measured(load_settings(root))
            found += rows
            told = [f"{name} {effect:+.4f} {status}" for name, effect, status, *_ in rows]
            print(f"seed {seed:<4}", *told, f"{time.perf_counter() - began:.0f} s", sep="  ")
    sys.exit(tell(found))


def measured(settings: Settings) -> list[tuple]:
    """Load and build one company; return what `lift` says of each experiment, and the world."""
    with redirect_stdout(sys.stderr):
        load(settings)
        run_dbt(settings, ["build", "--select", "+lift", "--exclude-resource-type", "test"])
    with duckdb.connect(str(settings.warehouse.path), read_only=True) as warehouse:
        truth = settings.root / "truth" / "experiments.parquet"
        return warehouse.execute(HELD, [str(truth)]).fetchall()


def tell(found: list[tuple]) -> int:
    """Print how many intervals hold the truth, by experiment; return the exit code."""
    is_short = any(status != "measured" for _, _, status, *_ in found)
    for name in sorted({row[0] for row in found}):
        rows = [row for row in found if row[0] == name and row[2] == "measured"]
        held = zip(INTERVALS, columns(rows), strict=True)
        told = [f"{kind} {sum(map(bool, one))}" for kind, one in held]
        print(name.ljust(14), f"of {len(rows)}:", *told, f"found {sum(row[6] for row in rows)}")
    rows = [row for row in found if row[2] == "measured"]
    least = least_held(len(rows))
    for kind, held in zip(INTERVALS, columns(rows), strict=True):
        print(f"{kind}: {sum(map(bool, held))} of {len(rows)} hold the truth, at least {least}")
    return int(is_short or any(sum(map(bool, held)) < least for held in columns(rows)))


def columns(rows: list[tuple]) -> list[list]:
    return [[row[3 + place] for row in rows] for place in range(len(INTERVALS))]


def least_held(count: int, share: float = 0.95) -> int:
    """Return below how many of `count` intervals of 95 % hold the truth once in ONCE_IN runs."""
    chance = 0.0
    for held in range(count + 1):
        chance += comb(count, held) * share**held * (1 - share) ** (count - held)
        if chance > 1 / ONCE_IN:
            return held
    return count


if __name__ == "__main__":
    main()
