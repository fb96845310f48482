"""What kills do to a sync: each destination is killed at random moments, then looked at.

    python benchmarks/kills.py [--kills 30] [--seed 17] [NAME …] [--write]

NAME is a case of `tests/support/kill_cases.py`, such as "braze events"; without one all run. 120
rows a round go to the destination's local server, 10 a request, which takes 30 ms for each. The
process is killed at a random moment of its run, over and over; after a quarter of the kills a new
plan is made. At the end the runs go on unharmed, and what the server has is compared with what was
wanted and with the ledger. Ends with 1 where a row was lost, doubled with harm, or said to be there
though it is not. `--write` puts the table into docs/benchmarks.md.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from processes import machine, table, write

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from kill_cases import CASES  # noqa: E402
from killed_syncs import Found, forks, killed  # noqa: E402

COLUMNS = ("sync", "kills", "rows", "lost", "again", "sent twice", "in doubt", "untrue", "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    given = parser.parse_args()
    if unknown := set(given.names) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; known: {', '.join(CASES)}")
    rows = []
    with tempfile.TemporaryDirectory(prefix="madang-bench-") as folder, forks() as apply:
        for name in given.names or CASES:
            found = killed(name, Path(folder) / name, given.kills, given.seed, apply)
            rows.append(line(name, found))
            print(" | ".join(rows[-1]), f"({found.seconds:.0f} s)", flush=True)
    heading = HEADING.format(kills=given.kills, machine=machine("duckdb", "requests"))
    text = "\n\n".join((heading, table(COLUMNS, rows), NOTES))
    print(text)
    if given.write:
        write("kills", text)
    return 0 if all(row[-1] == "good" for row in rows) else 1


def line(name: str, found: Found) -> tuple[str, ...]:
    good = "good" if found.is_good(CASES[name]) else "**bad**"
    again = f"{found.again:,}{' (may not)' if CASES[name].once else ''}"
    before = (found.kills, found.rows, found.lost)
    after = (found.counted, found.unknown, found.untrue)
    return (name, *(f"{one:,}" for one in before), again, *(f"{one:,}" for one in after), good)


HEADING = """## Kills

`python benchmarks/kills.py --kills {kills}` on {machine}. `apply` is killed at random moments, \
over and over, and goes on or is planned anew."""
NOTES = """- **lost**: wanted, not there, and not in doubt.
- **again**: rows that arrived once more and change nothing: who is on a list already, a value \
that is set already, an event that the platform knows by its id (Google for ever, Meta and TikTok \
for 48 hours) or a request by its idempotency key. At most the batches in flight at each kill; \
none ("may not") where what is in doubt is never sent again.
- **sent twice**: events and messages that count once more at the destination. None may.
- **in doubt**: `unknown` in the ledger for good, of what is never sent again; at most the batch \
in flight at each kill.
- **untrue**: accepted by the ledger, and not there."""

if __name__ == "__main__":
    sys.exit(main())
