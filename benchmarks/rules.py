"""What audiences and funnels cost, beside one group-by of the stream, chDB and polars.

    python benchmarks/rules.py [--activities 10000000] [--audiences 50] [--steps 6]
        [--peers PYTHON] [--write]

Invents a stream of activities with the project's own action names, and runs the compiled SQL of the
models on it, each step in a process of its own with two threads: `audience_evidence` and
`audience_candidates` for many audiences; `funnel_steps` and `funnel_entries` over half of the
stream for one funnel, under each vendor's preset, for ten, and for one with a bot of 100,000
activities. `--peers` is a Python that has chdb and polars; both must come to the same subjects by
furthest step. Ratios of one run
are compared with the bars of the project.
`--write` puts the table into docs/benchmarks.md.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from processes import Cost, machine, met, run, table, write

PROJECT = Path(__file__).resolve().parents[1]
PARTS = ("models", "macros", "seeds", "snapshots", "decisions", "tests/data", "dbt_project.yml")
AS_OF = "2026-11-01T00:00:00+00:00"
WITHIN = ("7 days", "14 days", "30 days")
#: How often the eleven actions of the stream occur, in hundredths.
SHARES = (40, 15, 10, 8, 5, 3, 5, 6, 4, 2, 2)
BARS = {
    "audiences": 4.0,
    "audiences MB": 1500,
    "polars": 0.65,
    "chdb": 2.2,
    "ten": 1.1,
    "ten MB": 2000,
    "bot": 1.2,
    "preset": 2.0,
}
PRESETS = ("ga4", "amplitude", "mixpanel", "posthog")
CONNECT = """
import duckdb, json, sys
options = {"threads": 2, "preserve_insertion_order": False}
options["storage_compatibility_version"] = "v1.3.0"
connection = duckdb.connect(sys.argv[1], config=options)
connection.execute("set TimeZone = 'UTC'")
"""
#: As the materialization does it: the first part makes the table, the others add to it.
BUILD = (
    CONNECT
    + """
for argument in sys.argv[2:]:
    table, file, parts = argument.split("=")
    sql = open(file).read()
    for part in range(1, int(parts) + 1):
        connection.execute(f"set variable part = {part}")
        head = f"create or replace table {table} as" if part == 1 else f"insert into {table}"
        connection.execute(f"{head} {sql}")
"""
)
STATEMENT = CONNECT + "print(json.dumps(connection.sql(sys.argv[2]).fetchall(), default=str))"
EXECUTE = CONNECT + "connection.execute(sys.argv[2])"
GROUP_BY = """
create or replace table madang_marts.plain as
select subject_id, min(person_id) as person_id, count(*) as activities, max(occurred_at) as last_at
from madang_activity.activities where subject_id is not null group by subject_id
"""
LEVELS = """
select step_reached, count(*) from madang_marts.funnel_entries
where funnel = 'f00' group by all order by all
"""
PEER = """
import json, os, sys
name, file, actions, window = sys.argv[1], sys.argv[2], sys.argv[3].split(","), 7 * 86400 * 1000000
if name == "chdb":
    import chdb
    conditions = ", ".join(f"action = '{action}'" for action in actions)
    listed = ", ".join(f"'{action}'" for action in actions)
    query = f'''
        select level, count() from (
            select windowFunnel({window}, 'strict_increase')(us, {conditions}) as level
            from file('{file}', Parquet) where action in ({listed}) group by subject_id
        ) where level > 0 group by level order by level settings max_threads = 2'''
    found = json.loads(str(chdb.query(query, "JSONCompact")))["data"]
    print(json.dumps([[int(level), int(subjects)] for level, subjects in found]))
else:
    os.environ["POLARS_MAX_THREADS"] = "2"
    import polars as pl
    steps = {action: number for number, action in enumerate(actions, 1)}
    rows = (
        pl.scan_parquet(file).filter(pl.col("action").is_in(actions))
        .with_columns(step=pl.col("action").replace_strict(steps, return_dtype=pl.Int8))
        .select("subject_id", "us", "step").sort("subject_id", "us")
        .with_columns(entry=pl.when(pl.col("step") == 1).then(pl.col("us"))).collect()
    )
    first = rows.filter(pl.col("step") == 1).select("subject_id").unique()
    reached = [first.with_columns(level=pl.lit(1, pl.Int8))]
    for k in range(2, len(actions) + 1):
        before = pl.when(pl.col("step") == k - 1).then(pl.col("entry")).shift(1).forward_fill()
        in_time = (pl.col("step") == k) & (pl.col("us") <= pl.col("back") + window)
        rows = (
            rows.with_columns(back=before.over("subject_id")).filter(pl.col("step") >= k)
            .with_columns(entry=pl.when(in_time).then(pl.col("back")))
        )
        level = rows.filter((pl.col("step") == k) & pl.col("entry").is_not_null())
        level = level.select("subject_id").unique().with_columns(level=pl.lit(k, pl.Int8))
        reached.append(level)
    furthest = pl.concat(reached).group_by("subject_id").agg(pl.col("level").max())
    print(json.dumps([list(row) for row in furthest.group_by("level").len().sort("level").rows()]))
"""


def stream(actions: list[str], activities: int, persons: int) -> str:
    """The SQL of a stream of 120 days: seven of ten visits are of persons, with four activities."""
    cases, below = [], 0
    for action, share in zip(actions, SHARES, strict=True):
        below += share
        cases.append(f"when a < {below} then '{action}'")
    channels = "['Direct', 'Organic Search', 'Paid Search', 'Email', 'Referral', 'Display']"
    return f"""
        create schema if not exists madang_activity;
        create schema if not exists madang_marts;
        create or replace table madang_activity.activities as
        with drawn as (
            select i, hash(i) as h, hash(i + 1000000007) as h2, hash(i // 4 + 77777777777) as hs
            from range({activities}) as t (i)
        ), placed as (
            select *, hs % 10 < 7 as is_named, (hs // 16) % {persons} as person,
                (hs // 16) % ({persons} * 6 // 10) as device, h2 % 100 as a,
                timestamp '2026-07-04' + to_seconds(((hs // 1024) % (120 * 86400 - 4000))::int)
                    + to_microseconds(((i % 4) * 600000000 + h % 500000000)::bigint) as occurred_at
            from drawn
        ), acted as (
            select *, case {" ".join(cases)} end as action,
                case when is_named then md5('p' || person) end as person_id
            from placed
        )
        select md5(i::text) as activity_id, person_id,
            coalesce(person_id, 'device-' || device) as subject_id, occurred_at,
            epoch_us(occurred_at)::hugeint * 10000000000000000000000::hugeint + i % 1000
                as activity_order,
            'ga4' as source, action,
            ['car', 'car', 'charger', 'quote'][(h2 // 128 % 4)::int + 1] as object_type,
            'thing' || (h2 // 128 % 20) as object_id, 'name ' || (h2 // 128 % 20) as object_name,
            {channels}[(hs // 4096 % 6)::int + 1] as channel_group,
            'campaign_' || (hs // 4096 % 40) as campaign
        from acted;
        create or replace table madang_marts.customers as
        select md5('p' || i) as person_id, (hash(i) // 32 % 6)::bigint as orders,
            ['plain', 'plain', 'plain', 'VIP', 'VVIP'][(hash(i) % 5)::int + 1] as tier
        from range({persons}) as t (i)"""


def rule(k: int, acts: list[str]) -> dict[str, Any]:
    """One of six kinds of rules: counts, any of two, unfinished, all and not, attributes, two."""
    m = k // 6
    kinds: list[dict[str, Any]] = [
        {"did": acts[0], "where": {"object_id": f"thing{m % 20}"}, "at_least": 2},
        {
            "any": [
                {"did": acts[0], "where": {"object_id": f"thing{(m + 3) % 20}"}, "at_least": 3},
                {
                    "did": acts[1],
                    "where": {"object_id": [f"thing{m % 20}", f"thing{(m + 1) % 20}"]},
                },
            ]
        },
        {
            "did": acts[3],
            "where": {"object_type": ["car", "charger", "quote"][m % 3]},
            "and_not": acts[4],
            "wait": "1 hour",
        },
        {
            "all": [
                {"did": acts[2], "where": {"object_id": f"thing{m % 12}"}},
                {"not": {"did": acts[9]}},
            ]
        },
        {
            "all": [
                {"has": "tier", "is": ["VIP", "VVIP"]},
                {"did": acts[8]},
                {"has": "orders", "at_least": m % 5 + 1},
            ]
        },
        {
            "all": [
                {"did": acts[6], "at_least": m % 3 + 1},
                {"did": acts[0], "where": {"channel_group": "Paid Search"}},
            ]
        },
    ]
    return kinds[k % 6]


def audiences(count: int, acts: list[str]) -> list[dict[str, Any]]:
    """Models of that many audiences."""
    models = []
    for k in range(count):
        consent = {"purpose": "marketing", "channels": ["email"]}
        spec = {"label": "x", "within": WITHIN[k % 3], "rule": rule(k, acts), "consent": consent}
        models.append({"name": f"aud_g{k:03}", "config": {"meta": {"audience": spec}}})
    return models


def funnels(count: int, steps: int, acts: list[str], **says: str) -> list[dict[str, Any]]:
    """Models of that many funnels, which all match the same activities; `says` are more keys."""
    models = []
    for k in range(count):
        listed = [{"name": f"step_{n}", "action": act} for n, act in enumerate(acts[:steps], 1)]
        spec = {"label": "x", "window": WITHIN[0], "steps": listed, **says}
        models.append({"name": f"funnel_f{k:02}", "config": {"meta": {"funnel": spec}}})
    return models


class Bench:
    """A folder with the project, its generated rules and the warehouses."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project = folder, folder / "project"
        for part in PARTS:
            source, target = PROJECT / part, self.project / part
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
        shutil.copy(PROJECT / "profiles.yml.example", folder / "profiles.yml")
        for file in self.project.glob("models/**/*.sql"):
            if file.read_text().strip() in ("{{ audience() }}", "{{ funnel() }}"):
                file.unlink()
        self.actions = self._actions()

    def _actions(self) -> list[str]:
        for file in sorted(self.project.glob("models/activity/**/*.yml")):
            for model in yaml.safe_load(file.read_text()).get("models", []):
                if model["name"] == "actions":
                    names = [action["name"] for action in model["config"]["meta"]["actions"]]
                    return names[: len(SHARES)]
        sys.exit("No model 'actions' is described in the project.")

    def compiled(self, warehouse: Path, models: list[dict[str, Any]], *names: str) -> list[Path]:
        """The compiled SQL of the named models under these rules."""
        folder = self.project / "models" / "marts" / "generated"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for model in models:
            body = "audience" if model["name"].startswith("aud_") else "funnel"
            (folder / f"{model['name']}.sql").write_text(f"{{{{ {body}() }}}}\n")
        (folder / "generated.yml").write_text(yaml.safe_dump({"models": models}))
        target = self.folder / "target"
        dbt = str(Path(sys.executable).with_name("dbt"))
        options = ["--vars", json.dumps({"as_of": AS_OF}), "--target-path", str(target)]
        run(
            [dbt, "--quiet", "compile", "--select", *names, *options],
            env={
                "MADANG_DUCKDB_PATH": str(warehouse),
                "DBT_PROFILES_DIR": str(self.folder),
                "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
                "DBT_LOG_PATH": str(self.folder),
            },
            cwd=self.project,
        )
        copies = []
        for name in names:
            copies.append(self.folder / f"{name}_{len(models)}_{warehouse.stem}.sql")
            shutil.copy(next((target / "compiled").glob(f"**/{name}.sql")), copies[-1])
        return copies

    def run(self, script: str, warehouse: Path, *arguments: str) -> Cost:
        """One step in a process of its own."""
        return run([sys.executable, "-c", script, str(warehouse), *arguments])

    def funnels(self, warehouse: Path, count: int, steps: int, **says: str) -> Cost:
        """Build both tables of that many funnels."""
        models = funnels(count, steps, self.actions, **says)
        files = self.compiled(warehouse, models, "funnel_steps", "funnel_entries")
        return self.run(
            BUILD,
            warehouse,
            f"madang_marts.funnel_steps={files[0]}={count}",
            f"madang_marts.funnel_entries={files[1]}=1",
        )


def measured(bench: Bench, options: argparse.Namespace) -> list[tuple]:
    """Run all; return (step, cost, ratio, bar, met)."""
    rows: list[tuple] = []
    warehouse = bench.folder / "audiences.duckdb"
    persons = options.activities // 10
    bench.run(EXECUTE, warehouse, stream(bench.actions, options.activities, persons))
    # a second time, as the tables are then there to be replaced and the file is in memory
    plain = [bench.run(EXECUTE, warehouse, GROUP_BY) for _ in range(2)][-1]
    rows.append(
        (f"one group-by of {options.activities:,} activities by subject", plain, "", "", "")
    )
    models = audiences(options.audiences, bench.actions)
    files = bench.compiled(warehouse, models, "audience_evidence", "audience_candidates")
    cost = bench.run(
        BUILD,
        warehouse,
        *(f"madang_marts.{file.stem.rsplit('_', 2)[0]}={file}=1" for file in files),
    )
    ratio = cost.wall / plain.wall
    is_met = ratio <= BARS["audiences"] and cost.memory <= BARS["audiences MB"]
    told = f"{ratio:.1f} of its wall time"
    bar = f"≤ {BARS['audiences']}, {BARS['audiences MB']} MB"
    rows.append((f"{options.audiences} audiences", cost, told, bar, met(is_met)))

    warehouse = bench.folder / "funnels.duckdb"
    activities = options.activities // 2
    bench.run(EXECUTE, warehouse, stream(bench.actions, activities, activities // 10))
    one = bench.funnels(warehouse, 1, options.steps)
    levels = json.loads(bench.run(STATEMENT, warehouse, LEVELS).output.splitlines()[-1])
    rows.append(
        (f"one funnel of {options.steps} steps, {activities:,} activities", one, "", "", "")
    )
    if options.peers:
        file = bench.folder / "funnels.parquet"
        columns = "subject_id, action, epoch_us(occurred_at)::ubigint as us"
        copied = f"copy (select {columns} from madang_activity.activities) to '{file}'"
        bench.run(EXECUTE, warehouse, f"{copied} (format parquet, compression zstd)")
        acts = ",".join(bench.actions[: options.steps])
        for name in ("polars", "chdb"):
            peer = run([options.peers, "-c", PEER, name, str(file), acts])
            if json.loads(peer.output.splitlines()[-1]) != levels:
                sys.exit(f"{name} finds {peer.output}, the model {levels}")
            ratio = one.cpu / peer.cpu
            told, is_met = f"ours {ratio:.2f} of its CPU", ratio <= BARS[name]
            rows.append((f"{name}, the levels alone", peer, told, f"≤ {BARS[name]}", met(is_met)))
    for preset in PRESETS:
        cost = bench.funnels(warehouse, 1, options.steps, semantics=preset)
        ratio = cost.cpu / one.cpu
        told, is_met = f"{ratio:.2f} of the plain one", ratio <= BARS["preset"]
        rows.append((f"the same as {preset}", cost, told, f"≤ {BARS['preset']}", met(is_met)))
    ten = bench.funnels(warehouse, 10, options.steps)
    ratio = ten.cpu / one.cpu / 10
    is_met = ratio <= BARS["ten"] and ten.memory <= BARS["ten MB"]
    told, bar = f"{ratio:.2f} of ten times one", f"≤ {BARS['ten']}, {BARS['ten MB']} MB"
    rows.append(("ten funnels that match the same", ten, told, bar, met(is_met)))
    bench.run(EXECUTE, warehouse, bot(bench.actions[: options.steps]))
    robot = bench.funnels(warehouse, 1, options.steps)
    ratio = robot.cpu / one.cpu
    told, bar = f"{ratio:.2f} of without", f"≤ {BARS['bot']}"
    rows.append(("one funnel, with a bot", robot, told, bar, met(ratio <= BARS["bot"])))
    return rows


def bot(acts: list[str]) -> str:
    """The SQL of 100,000 activities of one device, 20 seconds apart."""
    return f"""
        insert into madang_activity.activities by name
        select md5('bot' || i) as activity_id, null as person_id, 'bot' as subject_id, occurred_at,
            epoch_us(occurred_at)::hugeint * 10000000000000000000000::hugeint as activity_order,
            'ga4' as source, {acts}[(i % {len(acts)})::int + 1] as action,
            'car' as object_type, 'thing1' as object_id, 'name 1' as object_name,
            'Direct' as channel_group, 'campaign_1' as campaign
        from (
            select i, timestamp '2026-10-01' + to_microseconds(i * 20000000 + 7) as occurred_at
            from range(100000) as t (i)
        )"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--activities", type=int, default=10_000_000)
    arguments.add_argument("--audiences", type=int, default=50)
    arguments.add_argument("--steps", type=int, default=6)
    arguments.add_argument("--peers", help="a Python that has chdb and polars")
    arguments.add_argument("--write", action="store_true")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(Bench(Path(folder)), options)
    head = ("step", "wall s", "CPU s", "peak MB", "ratio", "bar", "met")
    lines = [
        (name, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.memory:,.0f}", ratio, bar, is_met)
        for name, cost, ratio, bar, is_met in rows
    ]
    text = f"## Rules\n\n`python benchmarks/rules.py` on {machine('duckdb')}.\n\n"
    text += table(head, lines)
    print(text)
    if options.write:
        write("rules", text)


if __name__ == "__main__":
    main()
