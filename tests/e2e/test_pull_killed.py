"""A pull is killed at random, again and again, while records change: in the end all are in, each
state once.

MADANG_FAULT_SECONDS sets how long (15 by default, minutes by hand); MADANG_FAULT_SEED when.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from salesforce_org import Company, company, id_of

SECONDS = float(os.environ.get("MADANG_FAULT_SECONDS", "15"))
SEED = int(os.environ.get("MADANG_FAULT_SEED", time.time_ns() % 100_000))
# the pull without the command line's own second of imports, so that it is hit at work
PULL = """
import sys
from pathlib import Path
from madang.settings.workspace import load_settings
from madang.pull import queries
from madang.pull.salesforce import pull
from madang.warehouse import open_warehouse
queries.FIRST_LOOK = 0.02
settings = load_settings(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    report = pull(settings, lambda: open_warehouse(settings), ["Contact", "Lead"])
    print(report.exit_code, [(one.status, one.reason) for one in report.objects], flush=True)
"""


class Puller:
    """A process that pulls over and over, killed and started again."""

    def __init__(self, maru: Company) -> None:
        self.maru = maru
        self.kills = 0
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PULL, str(self.maru.root)],
            env={**os.environ, **self.maru.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        if self.process.stdout.readline() != "ready\n":
            pytest.fail(f"the pull did not start: {self.process.communicate()[1]}")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        out, err = self.process.communicate()
        assert self.process.returncode == -signal.SIGKILL, err
        assert "failed" not in out, out
        self.kills += 1


@pytest.fixture
def maru(tmp_path: Path) -> Iterator[Company]:
    with company(tmp_path, page_rows=40) as found:
        found.settings(bulk_from_rows=120, page_rows=30)
        yield found


def test_a_pull_that_is_killed_loses_nothing_and_lands_nothing_twice(
    maru: Company, measured: Callable[[str], None]
) -> None:
    chance = random.Random(SEED)
    states: dict[str, set[str]] = {}

    def change() -> None:
        """Some records change: a few, which REST brings, or many, which is a job."""
        for number in chance.sample(range(400), chance.choice((1, 20, 300))):
            name = chance.choice(("Contact", "Lead"))
            email = f"s{chance.getrandbits(40)}@maru.example"
            maru.sandbox.org.put(name, id_of(name, number), Name="김마루", Email=email)
            states.setdefault(id_of(name, number), set()).add(email)

    change()
    puller = Puller(maru)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        time.sleep(chance.uniform(0.02, 0.8))
        puller.kill()
        change()
        puller.start()
    puller.kill()
    report = maru.pull("Contact", "Lead", keys={"bulk_from_rows": 120, "page_rows": 30})
    assert report.exit_code == 0
    last = maru.pull("Contact", "Lead")
    assert not any(one.loaded for one in last.objects)

    landed = maru.landed("salesforce_contacts") + maru.landed("salesforce_leads")
    now = {
        record["Id"]: record["Email"]
        for name in ("Contact", "Lead")
        for record in maru.sandbox.org.query(f"SELECT Id, Email FROM {name}", deleted=True)[1]
    }
    newest: dict[str, tuple[str, object]] = {}
    for row in landed:
        moment = (row["modified_at"], row["_loaded_at"])
        if row["id"] not in newest or moment >= newest[row["id"]][1]:
            newest[row["id"]] = (row["email"], moment)
    assert {key: value for key, (value, _) in newest.items()} == now
    assert all(row["email"] in states[row["id"]] for row in landed)
    repeated = [row for row, n in Counter((r["id"], r["email"]) for r in landed).items() if n > 1]
    measured(
        f"pull: {puller.kills} kills in {SECONDS:.0f} s (seed {SEED}), {len(landed)} states of "
        f"{len(now)} records landed, {len(repeated)} of them twice"
    )
    assert not repeated
