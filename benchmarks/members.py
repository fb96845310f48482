"""How long a list of members takes to Google and Meta beside a bare loop of the same requests.

    python benchmarks/members.py [--members 1000000] [--write]

Members are the SHA-256 of an address, hashed in the warehouse, 10,000 a request, over one
connection to local servers. The bare loop posts bodies that are ready, once before and once after;
what it takes is the local server's own time. Each step is a process of its own beside the server's;
peak memory is the process's with Python and all libraries. `--write` puts the table into
docs/benchmarks.md.
"""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from processes import Cost, machine, met, run, table, write

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from sync_place import Place  # noqa: E402

ACCOUNT, TOKEN, LIST = "1234567890", "a-token-of-a-test", "buyers"
ENVIRON = {
    "MADANG_GOOGLE_CLIENT_ID": "id",
    "MADANG_GOOGLE_CLIENT_SECRET": "hush",
    "MADANG_GOOGLE_REFRESH_TOKEN": "sandbox-refresh-token",
    "MADANG_META_TOKEN": TOKEN,
}
OBJECTS = {"google": "user_lists", "meta": "custom_audiences"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--step", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        step, destination, root, url = given.step
        STEPS[step](destination, Path(root), url)
        return
    with tempfile.TemporaryDirectory(prefix="madang-bench-") as folder:
        text = measured(Path(folder), given.members)
    print(text)
    if given.write:
        write("members", text)


def measured(folder: Path, members: int) -> str:
    rows = []
    for name in OBJECTS:
        with served(name) as url:
            root = folder / f"{name}-bare"
            wanted(name, root, url, members)
            bare = cost(members, "bare", name, root, url)
        with served(name) as url:
            root = folder / name
            wanted(name, root, url, members)
            plan = cost(members, "plan", name, root, url)
            apply = cost(members, "apply", name, root, url)
        with served(name) as url:
            root = folder / f"{name}-again"
            wanted(name, root, url, members)
            again = cost(members, "bare", name, root, url)
        ratio = seconds(apply) / ((seconds(bare) + seconds(again)) / 2)
        rows += [
            sent(f"{name}: bare loop, {-(-members // 10_000)} requests", bare, ""),
            line(f"{name}: plan, hashing in the warehouse", plan, ""),
            line(f"{name}: apply", apply, f"≤ 300 MB: {met(apply.memory <= 300)}"),
            sent(
                f"{name}: of it, sending", apply, f"≤ 1.2 × bare: {ratio:.2f}, {met(ratio <= 1.2)}"
            ),
            sent(f"{name}: bare loop, once more", again, ""),
        ]
    return (
        f"## Members of advertising platforms\n\n`python benchmarks/members.py --members {members}`"
        f" on {machine('duckdb')}. One connection; the local servers are on the same machine.\n\n"
        + table(("step", "wall s", "CPU s", "peak MB", "bar"), rows)
        + "\n"
    )


def line(name: str, one: Cost, bar: str) -> list[str]:
    return [name, f"{one.wall:.1f}", f"{one.cpu:.1f}", f"{one.memory:.0f}", bar]


def sent(name: str, one: Cost, bar: str) -> list[str]:
    return [name, f"{seconds(one):.1f}", "", "", bar]


def cost(members: int, *step: object) -> Cost:
    command = [sys.executable, __file__, "--members", str(members), "--step"]
    return run([*command, *map(str, step)])


def seconds(one: Cost) -> float:
    return float(one.output.split()[-1])


class served:
    """A local Google or Meta as a process of its own; gives its address."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> str:
        import subprocess

        command = [sys.executable, __file__, "--step", "serve", self._name, "-", "-"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


def serve_step(name: str, root: Path, url: str) -> None:
    if name == "google":
        from madang.sandbox.google import GoogleSandbox

        sandbox = GoogleSandbox(ACCOUNT)
    else:
        from madang.sandbox.meta import MetaSandbox

        sandbox = MetaSandbox(ACCOUNT, TOKEN)
    with sandbox:
        print(sandbox.url, flush=True)
        threading.Event().wait()


def settings_of(name: str, url: str):
    if name == "google":
        from madang.sync.destinations.google.destination import GoogleSettings

        return GoogleSettings(
            url=url,
            token_url=f"{url}/token",
            account_id=ACCOUNT,
            terms_accepted=True,
            political_ads_declared=True,
            auth="refresh_token",
        )
    from madang.sync.destinations.meta.destination import MetaSettings

    return MetaSettings(url=url, ad_account_id=ACCOUNT)


def wanted(name: str, root: Path, url: str, members: int) -> None:
    """Make a view of the members: the hash is made whenever it is read, as in the models."""
    place = Place(root, name, settings_of(name, url), ENVIRON, name=OBJECTS[name], key="match_key")
    with place.warehouse() as warehouse:
        warehouse.ensure_layer("activation")
        relation = warehouse.relation("activation", "sync_one__rows")
        warehouse.execute(
            f"create or replace table {relation} as select concat('p', n) as person_id, "
            f"'ads' as channel, 'advertising' as purpose, '{LIST}' as audience, "
            "'email:' || sha256(lower(trim(concat('Person', n, '@maru.example')))) as sync_key, "
            f"'{LIST}' as field, 'true' as value, cast(null as varchar) as held_back_reason "
            f"from range({members}) as numbers (n)"
        )


def existing(name: str, root: Path, url: str) -> Place:
    return Place.existing(root, name, settings_of(name, url), ENVIRON)


def plan_step(name: str, root: Path, url: str) -> None:
    existing(name, root, url).plan()
    print(0)


def apply_step(name: str, root: Path, url: str) -> None:
    result = existing(name, root, url).apply()
    assert result.status == "succeeded", result
    print(result.seconds)


def bare_step(name: str, root: Path, url: str) -> None:
    """Post the same bodies, which are ready, with one session."""
    import requests

    from madang.sync.destinations.base import Change, SyncObject
    from madang.sync.destinations.google import destination as google
    from madang.sync.destinations.meta import destination as meta
    from madang.sync.destinations.registry import open_destination
    from madang.sync.spec import load_specs

    place = existing(name, root, url)
    with place.warehouse() as warehouse:
        relation = warehouse.relation("activation", "sync_one__rows")
        keys = warehouse.fetch(f"select sync_key from {relation} order by 1")
    change = (Change(LIST, "true"),)
    objects = (SyncObject(number, row["sync_key"], change) for number, row in enumerate(keys))
    (spec,) = load_specs(place.settings.project_dir)
    there = open_destination(spec, place.settings, environ=ENVIRON)
    if name == "google":
        path = "/v1/audienceMembers:ingest"
        around = there._envelope(there._lists.id_of(LIST), False)
        bodies = [around % b",".join(one.encoded) for one in there.batches(objects)]
    else:
        path = f"/v{there._settings.api_version}/{there._audiences.id_of(LIST)}/users"
        bodies = [meta._body(b",".join(b.encoded), len(b.encoded)) for b in there.batches(objects)]
    assert google.MEMBERS_LIMIT == meta.ROWS_LIMIT
    session = requests.Session()
    session.trust_env = False
    session.auth = there._client._auth
    session.headers["Content-Type"] = "application/json"
    began = time.perf_counter()
    for body in bodies:
        answer = session.post(url + path, data=body)
        assert answer.status_code == 200, answer.text[:300]
    print(time.perf_counter() - began)


STEPS = {"serve": serve_step, "plan": plan_step, "apply": apply_step, "bare": bare_step}

if __name__ == "__main__":
    main()
