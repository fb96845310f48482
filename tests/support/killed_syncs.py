"""Kills a sync at random moments, again and again, and counts what was lost and sent twice.

What applies is a process of its own, which has Python's libraries already: a server of forks. A
kill comes at a random moment of a run, the journal's first line and the ledger's last included.
"""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kill_cases import CASES, Case

ROWS = 120  # of one round; a round ends when a run was not killed
NO_ANSWER = 0.03  # seconds that a request takes

FORKS = """
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from kill_cases import CASES
from madang.sync import SyncError

for line in sys.stdin:
    name, root, url, after = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if child == 0:
        code = 0
        try:
            CASES[name].open(Path(root), url).apply(allow_guards=True)
        except SyncError as error:
            print(error.message, file=sys.stderr, flush=True)
            code = 3
        os._exit(code)
    if after:
        time.sleep(float(after))
        os.kill(child, signal.SIGKILL)  # one that ended has its number until it is waited for
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass
class Found:
    """What `kills` kills did.

    `again`: rows that came once more and change nothing there; `counted`: those that count twice.
    """

    kills: int = 0
    rows: int = 0
    lost: int = 0
    again: int = 0
    counted: int = 0
    unknown: int = 0
    untrue: int = 0
    seconds: float = 0.0

    def is_good(self, case: Case) -> bool:
        """Nothing lost, nothing said to be there that is not, nothing that counts twice."""
        most = 0 if case.once else self.kills * case.flight
        return (
            self.lost == self.untrue == self.counted == 0
            and self.again <= most
            and self.unknown <= (self.kills * case.flight if case.once else 0)
        )


@contextmanager
def forks() -> Iterator[Callable[..., int]]:
    """Run `apply` in a process that may be killed: apply(name, root, url, after) → exit code."""
    command = [sys.executable, "-c", FORKS, str(Path(__file__).parent)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as server:

        def apply(name: str, root: Path, url: str, after: float | None = None) -> int:
            server.stdin.write(f"{name}\t{root}\t{url}\t{'' if after is None else after}\n")
            server.stdin.flush()
            return int(server.stdout.readline())

        try:
            yield apply
        finally:
            server.stdin.close()


def killed(name: str, root: Path, kills: int, seed: int, apply: Callable[..., int]) -> Found:
    """Kill the runs of a case so often, each at a random moment, then let it go to its end."""
    case, chance, found = CASES[name], random.Random(seed), Found()
    began = time.monotonic()
    with case.sandbox() as sandbox:
        place = case.open(root, sandbox.url, is_new=True)
        sandbox.faults.add("slow", times=None, seconds=NO_ANSWER)
        rows: list[tuple] = []

        def more() -> None:
            rows.extend([case.row(len(rows) + at) for at in range(ROWS)])
            place.want(*rows)
            place.plan()

        more()
        whole = time.monotonic()
        assert apply(name, root, sandbox.url) == 0, "a run that nobody kills does not end well"
        whole = time.monotonic() - whole
        more()
        while found.kills < kills:
            code = apply(name, root, sandbox.url, after=chance.uniform(0, whole))
            time.sleep(2 * NO_ANSWER)  # what was in flight may still arrive
            if code == -signal.SIGKILL:
                found.kills += 1
                if chance.random() < 0.25:
                    place.plan()  # a new plan instead of the one that was begun
            else:
                assert code == 0, f"a run that was not killed ended with {code}"
                more()
        sandbox.faults.clear()
        for _ in range(3):
            if not place.plan().is_empty:
                place.apply(allow_guards=True)
        last = place.plan()
        assert last.is_empty, f"{last.total.planned} rows are planned for ever"
        arrived = case.arrived(sandbox)
    deliveries = place.ledger("sync_deliveries")
    accepted = {case.named(one["sync_key"]) for one in deliveries if one["status"] == "accepted"}
    unknown = {case.named(one["sync_key"]) for one in deliveries if one["status"] == "unknown"}
    wanted = {case.named(key) for key, *_ in rows}
    found.rows = len(rows)
    found.unknown = len(unknown - accepted)
    found.lost = len(wanted - set(arrived) - (unknown - accepted))
    found.untrue = len(accepted - set(arrived))
    if case.repeats is not None:
        repeats = case.repeats(sandbox)
        found.again, found.counted = repeats.known, repeats.counted
    else:
        more_than_once = sum(times - 1 for times in arrived.values())
        found.again, found.counted = (0, more_than_once) if case.once else (more_than_once, 0)
    found.seconds = time.monotonic() - began
    return found
