"""How long a sync takes beside a bare loop that posts the same requests and keeps nothing.

    python benchmarks/sync.py [--persons 1000000] [--write]

One and a half rows a person go to the local Braze, 50 persons a request, over eight connections.
The bare loop posts bodies that are ready, over as many connections, once before and once after;
what it takes is the local server's own time. Then 1 % of the persons change. Then answers take
100 ms, for a few requests, over one connection and over eight. Each step is a process of its own
beside the server's; peak memory is the process's with Python and all libraries. `--write` puts the
table into docs/benchmarks.md.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

import requests
from processes import Cost, machine, met, run, table, write

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from sync_workspace import KEY, Workspace  # noqa: E402

CONNECTIONS, OBJECTS = 8, 50
SLOW_REQUESTS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--step", nargs=3, metavar=("STEP", "ROOT", "URL"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        step, root, url = given.step
        STEPS[step](Path(root), url, given.persons)
        return
    with tempfile.TemporaryDirectory(prefix="madang-bench-") as folder:
        text = measured(Path(folder), given.persons)
    print(text)
    if given.write:
        write("sync", text)


def measured(folder: Path, persons: int) -> str:
    requests_ = -(-persons // OBJECTS)
    bare_cost = bare(folder, persons)
    with served() as url:
        wanted(Workspace(folder / "all", url, connections=CONNECTIONS), persons)
        plan = step("plan", folder / "all", url, persons)
        apply = step("apply", folder / "all", url, persons)
    again = bare(folder, persons)
    with served() as url:
        readdress(folder / "all", url)
        change(Workspace.existing(folder / "all"), persons)
        few = [step(name, folder / "all", url, persons) for name in ("plan", "apply")]
    rates = {}
    for connections in (1, CONNECTIONS):
        with served() as url:
            slow(url)
            root = folder / f"slow{connections}"
            wanted(Workspace(root, url, connections=connections), SLOW_REQUESTS * OBJECTS)
            step("plan", root, url, persons)
            rates[connections] = SLOW_REQUESTS / sending(step("apply", root, url, persons))
    ratio = sending(apply) / ((sending(bare_cost) + sending(again)) / 2)
    gain = rates[CONNECTIONS] / rates[1]
    rows = [
        line(f"bare loop, {requests_:,} requests", bare_cost, "", True),
        line("plan", plan, f"≤ 600 MB: {met(plan.memory <= 600)}"),
        line("apply", apply, f"≤ 300 MB: {met(apply.memory <= 300)}"),
        line("of it, sending", apply, f"≤ 1.2 × bare: {ratio:.2f}, {met(ratio <= 1.2)}", True),
        line("bare loop, once more", again, "", True),
        line("plan, 1 % changed", few[0], ""),
        line("apply, 1 % changed", few[1], ""),
        [
            "both, 1 % changed",
            f"{sum(one.wall for one in few):.1f}",
            "",
            "",
            f"≤ 4.5 s: {met(sum(one.wall for one in few) <= 4.5)}",
        ],
    ]
    return (
        f"## Syncs\n\n`python benchmarks/sync.py --persons {persons}` on {machine('duckdb')}. "
        f"{CONNECTIONS} connections; the local Braze is on the same machine.\n\n"
        + table(("step", "wall s", "CPU s", "peak MB", "bar"), rows)
        + f"\n\nWhere answers take 100 ms: {rates[1]:.1f} requests a second over one connection, "
        f"{rates[CONNECTIONS]:.1f} over {CONNECTIONS}, {gain:.1f} times as many "
        f"(bar: 7, {met(gain >= 7)}).\n"
    )


def bare(folder: Path, persons: int) -> Cost:
    with served() as url:
        return step("bare", folder, url, persons)


def readdress(root: Path, url: str) -> None:
    """Let a workspace send to another server, which knows nothing."""
    path = root / "madang.yml"
    path.write_text(re.sub(r"url: [^,]+,", f"url: {url},", path.read_text()))


def line(name: str, cost: Cost, bar: str, is_sending: bool = False) -> list[str]:
    if is_sending:
        cpu = f"{cost.cpu:.1f}" if name.startswith("bare") else ""
        return [name, f"{sending(cost):.1f}", cpu, "", bar]
    return [name, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.memory:.0f}", bar]


def step(name: str, root: Path, url: str, persons: int) -> Cost:
    command = [sys.executable, __file__, "--persons", str(persons)]
    return run([*command, "--step", name, str(root), url])


def sending(cost: Cost) -> float:
    """Seconds in which requests were sent, as the step printed them."""
    return float(cost.output.split()[-1])


@contextmanager
def served() -> Iterator[str]:
    """Serve a local Braze as a process of its own; give its address."""
    command = [sys.executable, "-m", "madang.sandbox.braze", "--port", "0", "--control"]
    environ = {**os.environ, "MADANG_BRAZE_KEY": KEY}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def slow(url: str) -> None:
    fault = json.dumps({"kind": "slow", "times": None, "seconds": 0.1}).encode()
    urllib.request.urlopen(f"{url}/_sandbox/faults", data=fault).read()


def wanted(workspace: Workspace, persons: int) -> None:
    """Make the rows: one audience of all, one of every second person."""
    with workspace.warehouse() as warehouse:
        warehouse.ensure_layer("activation")
        rows = " union all ".join(
            f"select concat('p', n) as person_id, 'email' as channel, 'marketing' as purpose, "
            f"'{name}' as audience, printf('C%07d', n) as sync_key, 'madang_{name}_email' as field,"
            f" 'true' as value, cast(null as varchar) as held_back_reason "
            f"from range({persons}) as numbers (n) where n % {every} = 0"
            for name, every in (("all", 1), ("half", 2))
        )
        relation = warehouse.relation("activation", "sync_braze__users")
        warehouse.execute(f"create or replace table {relation} as {rows}")


def change(workspace: Workspace, persons: int) -> None:
    """Let 1 % of the persons have another value."""
    with workspace.warehouse() as warehouse:
        relation = warehouse.relation("activation", "sync_braze__users")
        warehouse.execute(
            f"update {relation} set value = 'false' where audience = 'all' and "
            "cast(substr(sync_key, 2) as int) % 100 = 0"
        )


def plan_step(root: Path, url: str, persons: int) -> None:
    Workspace.existing(root).plan()


def apply_step(root: Path, url: str, persons: int) -> None:
    result = Workspace.existing(root).apply(retry=None)
    assert result.status == "succeeded", result
    print(result.seconds)


def bare_step(root: Path, url: str, persons: int) -> None:
    """Post the same bodies by as many threads, each with a session of its own."""
    names = ("madang_all_email", "madang_half_email")
    waiting: SimpleQueue[bytes] = SimpleQueue()
    for first in range(0, persons, OBJECTS):
        objects = [
            {"external_id": f"C{n:07d}", **dict.fromkeys(names[: 2 - n % 2], True)}
            for n in range(first, min(first + OBJECTS, persons))
        ]
        waiting.put(json.dumps({"attributes": objects}, separators=(",", ":")).encode())

    def post() -> None:
        session = requests.Session()
        session.trust_env = False
        session.headers.update(
            {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        )
        while True:
            try:
                body = waiting.get_nowait()
            except Empty:
                return
            assert session.post(f"{url}/users/track", data=body).status_code == 201

    began = time.perf_counter()
    threads = [threading.Thread(target=post) for _ in range(CONNECTIONS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    print(time.perf_counter() - began)


STEPS = {"plan": plan_step, "apply": apply_step, "bare": bare_step}

if __name__ == "__main__":
    main()
