"""How often the intervals of `lift` hold the truth, and how often it finds a lift that is none.

    python benchmarks/lift.py [--people 3000] [--draws 2000] [--share 30] [--seed 7]

Draws the arms of one invented world many times (`madang.experiments.simulation`), with an effect
and without (A/A). An interval of 95 % should hold the truth in 93.5 to 96.5 % of the draws, and
false alarms should come in 4 to 6 %; the exit code is 1 where one does not.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from madang.experiments.simulation import simulate
from madang.init import init_project
from madang.settings.workspace import load_settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=3000)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--share", type=float, default=30)
    parser.add_argument("--seed", type=int, default=7)
    wanted = vars(parser.parse_args())
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        init_project(Path(folder), "lift")
        settings = load_settings(Path(folder))
        for effect in (True, False):
            began = time.perf_counter()
            for one in simulate(settings, effect=effect, **wanted):
                told = [f"{name} {share:.2%}" for name, share in one.holds.items()]
                told += [f"p < 0.05 {one.alarms:.2%}"]
                told += [f"width {name} {share:.2f}" for name, share in one.widths.items()]
                print("effect" if effect else "A/A   ", one.metric.ljust(20), *told, sep="  ")
                shares = [share for name, share in one.holds.items() if name != "anytime"]
                missed += sum(not 0.935 <= share <= 0.965 for share in shares)
                missed += not effect and not 0.04 <= one.alarms <= 0.06
            print(f"        {time.perf_counter() - began:.1f} s")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
