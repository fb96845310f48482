"""How long a million contacts take to Salesforce by jobs, beside the local server's own time.

    python benchmarks/bulk.py [--contacts 1000000] [--write]

One field of each contact goes by jobs of Bulk API 2.0, 100,000 records each, one after the other.
The server's own time is that until it answers; all else, pauses before it is asked again included,
is ours. Each step is a process of its own beside
the server's; peak memory is the process's with Python and all libraries. `--write` puts the table
into docs/benchmarks.md.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from processes import Cost, machine, met, run, table, write

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from sync_place import Place  # noqa: E402

FIELDS = {"Contact": {"Id": "id", "LastName": "string", "No__c": "external_id", "Vip__c": "string"}}
ENVIRON = {
    "MADANG_SALESFORCE_CLIENT_ID": "sandbox-client",
    "MADANG_SALESFORCE_CLIENT_SECRET": "sandbox-secret",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        step, root, url = given.step
        STEPS[step](Path(root), url, given.contacts)
        return
    with tempfile.TemporaryDirectory(prefix="madang-bench-") as folder:
        text = measured(Path(folder), given.contacts)
    print(text)
    if given.write:
        write("bulk", text)


def measured(folder: Path, contacts: int) -> str:
    with served(contacts) as url:
        wanted(folder, url, contacts)
        plan = step("plan", folder, url, contacts)
        apply = step("apply", folder, url, contacts)
    sending, answers = (float(told) for told in apply.output.split()[-2:])
    rows = [
        line("plan", plan, f"≤ 600 MB: {met(plan.memory <= 600)}"),
        line("apply", apply, f"≤ 300 MB: {met(apply.memory <= 300)}"),
        ["of it, sending", f"{sending:.1f}", "", "", ""],
        ["of it, until the server answered", f"{answers:.1f}", "", "", ""],
        [
            "sending beside the server",
            f"{sending - answers:.1f}",
            "",
            "",
            f"≤ 12 s: {met(sending - answers <= 12)}",
        ],
    ]
    return (
        f"## Jobs of Salesforce's Bulk API\n\n`python benchmarks/bulk.py --contacts {contacts}` on "
        f"{machine('duckdb')}. The local Salesforce is on the same machine.\n\n"
        + table(("step", "wall s", "CPU s", "peak MB", "bar"), rows)
        + "\n"
    )


def line(name: str, cost: Cost, bar: str) -> list[str]:
    return [name, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.memory:.0f}", bar]


def step(name: str, root: Path, url: str, contacts: int) -> Cost:
    command = [sys.executable, __file__, "--contacts", str(contacts)]
    return run([*command, "--step", name, str(root), url])


@contextmanager
def served(contacts: int) -> Iterator[str]:
    """Serve a Salesforce with all contacts as a process of its own."""
    command = [sys.executable, __file__, "--contacts", str(contacts), "--step", "serve", "-", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def serve_step(root: Path, url: str, contacts: int) -> None:
    from madang.sandbox.org import Org
    from madang.sandbox.salesforce import SalesforceSandbox

    with SalesforceSandbox(org=Org(FIELDS)) as sandbox:
        for n in range(contacts):
            values = {"LastName": "Kim", "No__c": f"C{n:07d}"}
            sandbox.org.put("Contact", f"003{n:012}AAA", **values)
        print(sandbox.url, flush=True)
        threading.Event().wait()


def at(place: Place, url: str) -> Place:
    from madang.settings.salesforce import SalesforceSettings

    settings = {"salesforce": SalesforceSettings(url=url)}
    place.settings = place.settings.model_copy(update=settings)
    return place


def existing(root: Path, url: str) -> Place:
    from madang.sync.destinations.salesforce.destination import SalesforceTarget

    return at(Place.existing(root, "salesforce", SalesforceTarget(), ENVIRON), url)


def wanted(root: Path, url: str, contacts: int) -> None:
    from madang.sync.destinations.salesforce.destination import SalesforceTarget

    names = {"name": "contact", "key": "external_id", "more": ", external_id_field: No__c"}
    place = at(Place(root, "salesforce", SalesforceTarget(), ENVIRON, **names), url)
    with place.warehouse() as warehouse:
        warehouse.ensure_layer("activation")
        relation = warehouse.relation("activation", "sync_one__rows")
        warehouse.execute(
            f"create or replace table {relation} as select concat('p', n) as person_id, 'crm' as "
            "channel, 'marketing' as purpose, 'tiers' as audience, printf('C%07d', n) as sync_key, "
            """'Vip__c' as field, '"tier ' || n % 4 || '"' as value, """
            f"cast(null as varchar) as held_back_reason from range({contacts}) as numbers (n)"
        )


def plan_step(root: Path, url: str, contacts: int) -> None:
    existing(root, url).plan()


def apply_step(root: Path, url: str, contacts: int) -> None:
    from madang.http import client

    real, waited = client.exchange, 0.0

    def timed(*args: Any, **named: Any) -> Any:
        nonlocal waited
        began = time.perf_counter()
        try:
            return real(*args, **named)
        finally:
            waited += time.perf_counter() - began

    client.exchange = timed
    result = existing(root, url).apply()
    assert result.status == "succeeded", result
    print(result.seconds, waited)


STEPS = {"serve": serve_step, "plan": plan_step, "apply": apply_step}

if __name__ == "__main__":
    main()
