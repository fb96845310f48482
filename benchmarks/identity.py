"""What finding the persons costs, beside scipy and splink fed from the same edges.

    python benchmarks/identity.py [--people 340000 3300000] [--new-share 60] [--threads 2]
        [--peers scipy splink] [--write]

Invents people with cookies, logins, addresses and shared telephones (3,300,000 people have about
8.5 million edges), and runs the model `identity_components` on them: all but the last day's edges,
then with that day's (one edge in `--new-share`), again with nothing new, then all from nothing; the
increment and the build from nothing must be the same. Then whose each device was, from the logins
alone, and with a record made on every third device. Peers run on the same edges in processes of
their own, where they can be imported. Every way begins with text keys in a DuckDB table and ends
with a table (node, component); a way that needs numbers pays for making them.

Ratios compare the algorithms: of the model they count its statements and the making of ids, not
dbt, which needs some 2 ms for each of about a hundred statements however many edges there are.
CPU seconds of the model are those of dbt's process beyond those of the run with nothing new.
`--write` puts the table into docs/benchmarks.md.
"""

import argparse
import importlib.util
import json
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from identity_peers import PEERS, connect, cpu
from processes import machine, met, run, table, write

PROJECT = Path(__file__).resolve().parents[1]
MODEL = "identity_components"
STATEMENT = re.compile(r"SQL status: OK.* in ([0-9.]+) seconds")
BEGAN, ENDED = "Began running node model", "Finished running node model"
NOTE = (
    "All come to the same persons, the increment to the same table as the build from nothing. Wall "
    "seconds are those of the statements; dbt's own come on top, and are as many for any number of "
    "edges."
)
OWNERS = (
    "record_sightings",
    "contested_devices",
    "record_visits",
    "device_runs",
    "device_cuts",
    "device_owners",
)
BARS = {"records": 1.15, "scipy": 1.0, "splink": 0.35, "memory": 0.5, "increment": 0.08}
TABLE = "madang_identity.identity_components"
ID = "cast((md5_number({}) >> 4) & 1152921504606846975 as bigint)"  # the macro sixty_bits
DRAWN = """
create or replace macro dice(person, number) as
    (hash(person * 1000003 + number) >> 11)::double / (1::ubigint << 53)::double;
create temp table people as
    select i, 1 + least(floor(-ln(1 - dice(i, 1) * 0.9999) * 1.1)::int, 8) as devices,
        dice(i, 2) < 0.7 as has_login, dice(i, 3) < 0.6 as has_email, dice(i, 4) < 0.5 as has_phone,
        dice(i, 5) < 0.5 as has_number, dice(i, 6) as r, dice(i, 7) as s
    from range({people}) as people(i);
create or replace table drawn as select distinct md5(a) as left_key, md5(b) as right_key from (
    select 'c' || i || '.' || k as a, 'u' || i as b from people, range(devices) as t(k)
        where has_login
    union all select 'u' || i, 'e' || i from people where has_login and has_email
    union all select 'x' || i, 'e' || i from people where has_number and has_email
    union all select 'x' || i, 'p' || i from people where has_number and has_phone
    union all select 'u' || i, 'p' || i from people where has_login and has_phone and r < 0.5
    union all select 'c' || i || '.' || k, 'e' || i from people, range(devices) as t(k)
        where has_email and dice(i * 16 + k, 9) < 0.2
    union all select 'c' || i || '.0', 'u' || (i + 1) from people where r < 0.03
    union all select 'x' || i, 'p' || (i // 3 * 3) || '.home' from people
        where has_number and s < 0.05
    -- a few long chains of people
    union all select 'c' || i || '.0', 'u' || (i + 1) from people
        where (i // 40) % 500 = 0 and i % 40 < 39
);
create or replace table drawn as select *, hash(left_key, right_key) % {share} = 0 as is_new
    from drawn
"""
LAID = """
create or replace table madang_identity.identity_edges as
select left_key, right_key, 'one record' as rule, 'crm' as source, false as is_quarantined,
    timestamp '2026-01-01' + interval (
        case when is_new then {share} else hash(right_key) % ({share} - 1) end) day
        as first_seen_at,
    {left_id} as left_id, {right_id} as right_id
from drawn where {condition}
"""
#: A login in a device's first visit and a record in its second, a day later. One device in ten has
#: a login in a third, 100 days on, half of these of somebody else.
SEEN = """
create schema if not exists madang_private;
create schema if not exists madang_staging;
create schema if not exists madang_activity;
create schema if not exists madang_reference;
create or replace table madang_reference.placeholder_ids as select 'null' as placeholder;
create temp table devices as
    select 'c' || i || '.' || k as device_id, i, k, hash(i, k) % 86400 as second, has_login
    from people, range(devices) as t(k);
create temp table visits as
    select *, device_id || ' ' || visit as session_key,
        timestamp '2026-01-01' + to_seconds(second) + to_days([0, 1, 100][visit + 1]) as started_at
    from devices, range(3) as t(visit)
    where visit < 2 or (has_login and hash(i, k, 'again') % 10 = 0);
create or replace table madang_staging.ga4_session_days as
    select session_key, started_at, started_at + interval 10 minute as ended_at from visits;
create or replace table madang_staging.ga4_logins as
    select device_id, session_key, started_at as first_at, started_at as last_at,
        'u' || (i + if(visit = 2, hash(i, k, 'other') % 2, 0)) as user_id,
        epoch_us(started_at)::hugeint as first_order, 1 as events
    from visits where has_login and visit <> 1;
create or replace table madang_activity.actions as
    select md5(device_id) as event_key, 'purchased' as action, 'O' || device_id as object_id,
        device_id, device_id || ' 1' as session_key, date '2026-01-02' as event_date,
        timestamp '2026-01-02' + to_seconds(second + 60) as event_at,
        epoch_us(event_at)::hugeint as event_order
    from devices where {records} and hash(i, k, 'record') % 3 = 0;
create or replace table madang_private.stg_shop__orders as
    select object_id as order_id from madang_activity.actions;
create or replace table madang_identity.record_persons as
    select 'shop' as source, 'O' || device_id as record_id, 'p' || i as person_id from devices
    where {records} and hash(i, k, 'record') % 3 = 0;
create or replace table madang_identity.person_identifiers as
    select 'user_id' as identifier_type, 'u' || i as identifier_value, 'p' || i as person_id
    from people;
create or replace table madang_private.stg_offline__outcomes as
    select '' as outcome_id, '' as application_id where false;
create or replace table madang_private.stg_inquiries__inquiries as
    select '' as inquiry_id where false
"""


@dataclass(frozen=True)
class Way:
    """What one way of finding persons took. `dbt`: wall seconds that are dbt's, not in `wall`."""

    name: str
    wall: float
    cpu: float
    memory: float
    dbt: float = 0.0


class Bench:
    def __init__(self, folder: Path, people: int, options: argparse.Namespace) -> None:
        self.folder, self.threads, self.share = folder, options.threads, options.new_share
        self.peers, self.people = options.peers, people
        self.warehouse = folder / "warehouse.duckdb"
        shutil.copy(PROJECT / "profiles.yml.example", folder / "profiles.yml")
        with connect(self.warehouse, self.threads) as db:
            db.execute("create schema madang_identity")
            db.execute(DRAWN.format(people=people, share=self.share))
            db.execute("""
                create table madang_identity.identity_cuts (left_key varchar, right_key varchar)""")
            counted = db.sql("select count(*), sum(is_new::int) from drawn").fetchall()
            ((self.edges, self.new),) = counted
            began, used = time.perf_counter(), cpu()
            ids = f"max({ID.format('left_key')}), max({ID.format('right_key')})"
            db.execute(f"select {ids} from drawn").fetchall()
            #: What making the ids takes, which identity_edges has ready.
            self.ids = Way("ids", time.perf_counter() - began, cpu() - used, 0)

    def lay(self, condition: str) -> None:
        left_id, right_id = ID.format("left_key"), ID.format("right_key")
        with connect(self.warehouse, self.threads) as db:
            db.execute(
                LAID.format(
                    share=self.share, condition=condition, left_id=left_id, right_id=right_id
                )
            )
            db.execute("checkpoint")

    def model(self, name: str, *arguments: str) -> Way:
        """Run the model `identity_components`."""
        return self.run(name, (MODEL,), *arguments)

    def run(self, name: str, models: tuple[str, ...], *arguments: str) -> Way:
        """Run models; CPU seconds and memory are those of dbt's whole process."""
        dbt = str(Path(sys.executable).with_name("dbt"))
        environment = {
            "MADANG_DUCKDB_PATH": str(self.warehouse),
            "MADANG_THREADS": str(self.threads),
            "DBT_PROFILES_DIR": str(self.folder),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        logs = self.folder / name
        folders = ["--target-path", str(self.folder / "t"), "--log-path", str(logs)]
        command = [sys.executable, dbt, "run", "-s", *models, "--threads", "1", *folders]
        cost = run([*command, *arguments], environment, PROJECT)
        log = (logs / "dbt.log").read_text(encoding="utf-8")
        node = log[log.index(BEGAN) : log.rindex(ENDED)]
        statements = sum(map(float, STATEMENT.findall(node)))
        results = json.loads((self.folder / "t" / "run_results.json").read_text())["results"]
        nodes = {f"model.madang.{model}" for model in models}
        whole = sum(one["execution_time"] for one in results if one["unique_id"] in nodes)
        return Way(name, statements, cost.cpu, cost.memory, whole - statements)

    def owners(self, name: str, records: bool) -> Way:
        """Run the models that say whose each device was."""
        people = DRAWN[: DRAWN.index("create or replace table drawn")].format(people=self.people)
        with connect(self.warehouse, self.threads) as db:
            db.execute(people)
            db.execute(SEEN.format(records=records))
        return self.run(name, OWNERS, "--full-refresh")

    def same_as(self, other: str) -> bool:
        differs = f"(from {TABLE} except from {other}) union all (from {other} except from {TABLE})"
        with connect(self.warehouse, self.threads) as db:
            return db.sql(f"select count(*) from ({differs})").fetchall() == [(0,)]

    def keep(self, name: str) -> None:
        with connect(self.warehouse, self.threads) as db:
            db.execute(f"create or replace table {name} as from {TABLE}")

    def peer(self, name: str) -> tuple[Way, int]:
        """A peer in a process of its own, and how many persons it found."""
        script = str(Path(__file__).with_name("identity_peers.py"))
        cost = run([sys.executable, script, name, str(self.warehouse), str(self.threads)])
        seconds, used, persons = cost.output.split()[-3:]
        return Way(name, float(seconds), float(used), cost.memory), int(persons)


def rows(full: Way, increment: Way, owners: tuple[Way, Way], peers: list[Way]) -> list[tuple]:
    """The table: every way, and where a bar is, the ratio and whether it is met."""
    share = increment.wall / full.wall
    bar = BARS["increment"]
    told = [
        (full, "", "", ""),
        (increment, f"{share:.1%} of it", f"≤ {bar:.0%}", met(share <= bar)),
    ]
    by_logins, with_records = owners
    ratio = (full.wall + with_records.wall) / (full.wall + by_logins.wall)
    told += [
        (by_logins, "", "", ""),
        (
            with_records,
            f"persons and devices {ratio:.2f} of without records",
            f"≤ {BARS['records']}",
            met(ratio <= BARS["records"]),
        ),
    ]
    for peer in peers:
        time_ratio, memory_ratio = full.wall / peer.wall, full.memory / peer.memory
        ratio = f"{time_ratio:.2f} ({full.cpu / peer.cpu:.2f} of its CPU)"
        bar, is_met = f"≤ {BARS[peer.name]}", time_ratio <= BARS[peer.name]
        if peer.name == "splink":
            ratio += f", memory {memory_ratio:.2f}"
            bar += f", memory ≤ {BARS['memory']}"
            is_met = is_met and memory_ratio <= BARS["memory"]
        told.append((peer, ratio, bar, met(is_met)))
    return [
        (
            way.name,
            f"{way.wall:.2f}",
            f"{way.dbt:.2f}" if way.dbt else "",
            f"{way.cpu:.2f}",
            f"{way.memory:,.0f}",
            *rest,
        )
        for way, *rest in told
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, nargs="*", default=[340_000])
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--new-share", type=int, default=60, help="one edge in so many is new")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    options = parser.parse_args()
    parts = []
    for people in options.people:
        with tempfile.TemporaryDirectory() as folder:
            parts.append(measured(Bench(Path(folder), people, options)))
        print(parts[-1], "\n", flush=True)
    packages = [name for name in ("duckdb", "scipy", "splink") if importlib.util.find_spec(name)]
    people = " ".join(map(str, options.people))
    said = f"`python benchmarks/identity.py --people {people}` on {machine(*packages)}. {NOTE}"
    print(said)
    if options.write:
        write("identity", "\n\n".join(["## Identity", said, *parts]))


def measured(bench: Bench) -> str:
    """Run every way; return what it took as text with a table."""
    bench.lay("not is_new")
    bench.model("first")
    bench.lay("true")
    increment = bench.model("new edges only")
    idle = bench.model("nothing new")
    bench.keep("incremental")
    full = bench.model("from nothing", "--full-refresh")
    if not bench.same_as("incremental"):
        sys.exit("The increment is not what a build from nothing is.")
    with connect(bench.warehouse, bench.threads) as db:
        count = f"select count(distinct component_key) from {TABLE}"
        persons = db.execute(count).fetchone()[0]
    owners = (bench.owners("devices by logins", False), bench.owners("and by records", True))
    increment = replace(increment, cpu=increment.cpu - idle.cpu)
    full = replace(full, wall=full.wall + bench.ids.wall, cpu=full.cpu - idle.cpu + bench.ids.cpu)
    peers = []
    for name in bench.peers:
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed: not compared")
            continue
        way, found = bench.peer(name)
        if found != persons:
            sys.exit(f"{name} finds {found:,} persons, the model {persons:,}.")
        peers.append(way)
    head = ("", "wall s", "and dbt", "CPU s", "peak MB", "from nothing is", "bar", "met")
    return f"### {bench.edges:,} edges, {bench.new:,} of them new; {persons:,} persons\n\n" + table(
        head, rows(full, increment, owners, peers)
    )


if __name__ == "__main__":
    main()
