"""What finding the persons costs, beside scipy and splink fed from the same edges.

    python benchmarks/identity.py [--people 3300000] [--new-share 60] [--threads 2] [--write]

Invents people with cookies, logins, addresses and shared telephones (3,300,000 people have about
8.5 million edges), and runs the model `identity_components` on them: all but the last day's edges,
then with that day's (one edge in `--new-share`), again with nothing new, then all from nothing; the
increment and the build from nothing must be the same. Peers run on the same edges in processes of
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
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
from processes import machine, met, run, table, write

PROJECT = Path(__file__).resolve().parents[1]
NODE = "model.madang.identity_components"
STATEMENT = re.compile(r"SQL status: OK.* in ([0-9.]+) seconds")
BEGAN, ENDED = "Began running node model", "Finished running node model"
BARS = {"scipy": 1.0, "splink": 0.35, "memory": 0.5, "increment": 0.08}
TABLE = "madang_identity.identity_components"
ID = "cast((md5_number({}) >> 4) & 1152921504606846975 as bigint)"  # the macro sixty_bits
DRAWN = """
create macro dice(person, number) as
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


def connect(path: Path, threads: int) -> duckdb.DuckDBPyConnection:
    options = {"threads": threads, "preserve_insertion_order": False}
    return duckdb.connect(str(path), config=options)


@dataclass(frozen=True)
class Way:
    """What one way of finding persons took. `dbt`: wall seconds that are dbt's, not in `wall`."""

    name: str
    wall: float
    cpu: float
    memory: float
    dbt: float = 0.0


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Bench:
    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.threads, self.share = folder, options.threads, options.new_share
        self.warehouse = folder / "warehouse.duckdb"
        shutil.copy(PROJECT / "profiles.yml.example", folder / "profiles.yml")
        with connect(self.warehouse, self.threads) as db:
            db.execute("create schema madang_identity")
            db.execute(DRAWN.format(people=options.people, share=self.share))
            db.execute("""
                create table madang_identity.identity_cuts (left_key varchar, right_key varchar)""")
            self.edges, self.new = db.sql("select count(*), sum(is_new::int) from drawn").fetchone()
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
        """Run the model; CPU seconds and memory are those of dbt's whole process."""
        dbt = str(Path(sys.executable).with_name("dbt"))
        environment = {
            "MADANG_DUCKDB_PATH": str(self.warehouse),
            "MADANG_THREADS": str(self.threads),
            "DBT_PROFILES_DIR": str(self.folder),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        logs = self.folder / name
        folders = ["--target-path", str(self.folder / "t"), "--log-path", str(logs)]
        command = [sys.executable, dbt, "run", "-s", "identity_components", *folders, *arguments]
        cost = run(command, environment, PROJECT)
        log = (logs / "dbt.log").read_text(encoding="utf-8")
        node = log[log.index(BEGAN) : log.index(ENDED)]
        statements = sum(map(float, STATEMENT.findall(node)))
        results = json.loads((self.folder / "t" / "run_results.json").read_text())["results"]
        (whole,) = (one["execution_time"] for one in results if one["unique_id"] == NODE)
        return Way(name, statements, cost.cpu, cost.memory, whole - statements)

    def same_as(self, other: str) -> bool:
        differs = f"(from {TABLE} except from {other}) union all (from {other} except from {TABLE})"
        with connect(self.warehouse, self.threads) as db:
            return db.sql(f"select count(*) from ({differs})").fetchone() == (0,)

    def keep(self, name: str) -> None:
        with connect(self.warehouse, self.threads) as db:
            db.execute(f"create or replace table {name} as from {TABLE}")

    def peer(self, name: str) -> tuple[Way, int]:
        """A peer in a process of its own, and how many persons it found."""
        me = str(Path(__file__).resolve())
        command = [sys.executable, me, "--peer", name, "--warehouse", str(self.warehouse)]
        cost = run([*command, "--threads", str(self.threads)])
        seconds, used, persons = cost.output.split()[-3:]
        return Way(name, float(seconds), float(used), cost.memory), int(persons)


def by_scipy(db: duckdb.DuckDBPyConnection) -> None:
    import numpy as np
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    db.execute("""
        create temp table nodes as select key, row_number() over () - 1 as id
        from (select left_key as key from drawn union select right_key from drawn)""")
    count = db.execute("select count(*) from nodes").fetchone()[0]
    ends = db.execute("""
        select l.id as a, r.id as b from drawn
        join nodes as l on l.key = left_key join nodes as r on r.key = right_key""").fetchnumpy()
    ones = np.ones(len(ends["a"]), np.int8)
    pairs = (ends["a"].astype(np.int32), ends["b"].astype(np.int32))
    _, found = connected_components(coo_matrix((ones, pairs), shape=(count, count)), directed=False)
    labels = {"id": np.arange(count), "label": found}  # noqa: F841 (DuckDB reads it by its name)
    db.execute("""
        create table found as
        select key as node, label as component from nodes join labels using (id)""")


def by_splink(db: duckdb.DuckDBPyConnection) -> None:
    from splink import DuckDBAPI
    from splink.clustering import cluster_pairwise_predictions_at_threshold as cluster

    api = DuckDBAPI(connection=db)
    db.execute("""
        create table nodes as
        select left_key as unique_id from drawn union select right_key from drawn""")
    db.execute("""
        create table edges as
        select left_key as unique_id_l, right_key as unique_id_r from drawn""")
    made = cluster(
        nodes=api.register("nodes"),
        edges=api.register("edges"),
        db_api=api,
        node_id_column_name="unique_id",
        edge_id_column_name_left="unique_id_l",
        edge_id_column_name_right="unique_id_r",
    )
    db.execute(f"""
        create table found as
        select unique_id as node, cluster_id as component from {made.physical_name}""")


PEERS = {"scipy": by_scipy, "splink": by_splink}


def run_peer(name: str, warehouse: Path, threads: int) -> None:
    """Print seconds and persons; what the peer made is thrown away."""
    copy = warehouse.with_name(f"{name}.duckdb")
    with connect(copy, threads) as db:
        db.execute(f"attach '{warehouse}' as source (read_only)")
        db.execute("create table drawn as select left_key, right_key from source.drawn")
        db.execute("detach source")
        db.execute("checkpoint")
        began, used = time.perf_counter(), cpu()
        PEERS[name](db)
        seconds, used = time.perf_counter() - began, cpu() - used
        persons = db.execute("select count(distinct component) from found").fetchone()[0]
    copy.unlink()
    print(f"{seconds:.3f} {used:.3f} {persons}")


def rows(full: Way, increment: Way, peers: list[Way]) -> list[tuple]:
    """The table: every way, and where a bar is, the ratio and whether it is met."""
    share = increment.wall / full.wall
    bar = BARS["increment"]
    told = [
        (full, "", "", ""),
        (increment, f"{share:.1%} of it", f"≤ {bar:.0%}", met(share <= bar)),
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
    parser.add_argument("--people", type=int, default=340_000)
    parser.add_argument("--new-share", type=int, default=60, help="one edge in so many is new")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--peer", choices=list(PEERS), help=argparse.SUPPRESS)
    parser.add_argument("--warehouse", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        run_peer(options.peer, options.warehouse, options.threads)
        return
    with tempfile.TemporaryDirectory() as folder:
        text = measured(Bench(Path(folder), options))
    packages = [name for name in ("duckdb", "scipy", "splink") if importlib.util.find_spec(name)]
    command = f"python benchmarks/identity.py --people {options.people}"
    if options.threads != 2:
        command += f" --threads {options.threads}"
    text = f"## Identity\n\n`{command}` on {machine(*packages)}.\n\n{text}"
    print(text)
    if options.write:
        write("identity", text)


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
    increment = replace(increment, cpu=increment.cpu - idle.cpu)
    full = replace(full, wall=full.wall + bench.ids.wall, cpu=full.cpu - idle.cpu + bench.ids.cpu)
    peers = []
    for name in PEERS:
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed: not compared")
            continue
        way, found = bench.peer(name)
        if found != persons:
            sys.exit(f"{name} finds {found:,} persons, the model {persons:,}.")
        peers.append(way)
    head = ("", "wall s", "and dbt", "CPU s", "peak MB", "from nothing is", "bar", "met")
    return (
        f"{bench.edges:,} edges, {bench.new:,} of them new; {persons:,} persons. The increment is "
        "the same as the build from nothing. Wall seconds are those of the statements; dbt's own "
        f"come on top.\n\n{table(head, rows(full, increment, peers))}"
    )


if __name__ == "__main__":
    main()
