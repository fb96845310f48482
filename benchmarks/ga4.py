"""What the GA4 layer costs beside one scan of the raw parameters, all of one run.

    python benchmarks/ga4.py [--events 1e6 5e6 20e6] [--folder DIR] [--idiom-events 1e5] [--write]

For each size it makes an export of 60 days (kept in the folder for the next run) and measures, each
as a process with two threads: the scan (every leaf of `event_params` hashed once), the events table
alone (flatten and persist), the whole `dbt run --select +activities`, the same with 1.5 GB for
DuckDB, a day later with three days restated, and runs with nothing new: of plain dbt, which asks
every node, and of `madang build`, which finds out beforehand what can have changed. Ratios count,
machines are noisy: of the scan, of flattening and of the build the better of two is taken.
`--write` puts the tables into docs/benchmarks.md.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from processes import Cost, machine, run, write

# DuckDB is not imported here: on Linux a process's peak memory is no less than its parent's.
ROOT = Path(__file__).resolve().parents[1]
EXPORT = Path(__file__).with_name("ga4_export.py")
DAYS, RESTATED = 60, 3
AS_OF = "2026-11-02T12:00:00+09:00"
BARS = {
    "flatten": (5.5, "≤ 5.5 × the scan"),
    "build": (7.0, "≤ 7 × the scan"),
    "limited": (1.3, "≤ 1.3 × the build, 2 GB"),
    "day": (0.10, "≤ 10 % of the build"),
    "nothing": (0.5, "≤ 0.5 s over dbt's start"),
    "idiom": (100.0, "≥ 100 ×"),
}
SCAN = """
import duckdb, sys
connection = duckdb.connect(config={"threads": 2})
files = sys.argv[1] + "/*.parquet"
connection.sql(f"select count(*), sum(hash(event_params)) from '{files}'").fetchall()
"""
PERSIST = """
import duckdb, sys
connection = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
connection.execute("set TimeZone = 'UTC'")
connection.execute(f"attach '{sys.argv[2]}' as persisted (storage_version 'v1.3.0')")
connection.execute("create table persisted.events as " + open(sys.argv[1]).read())
"""
LOOK = """
import sys
from pathlib import Path
from madang.settings.workspace import load_settings
from madang.build.unchanged import look
seen = look(load_settings(Path(sys.argv[1])))
waiting, found = ["model.madang.activities"], set()
while waiting:
    key = waiting.pop()
    if key in seen.graph.nodes and key not in found:
        found.add(key)
        waiting += seen.graph.reads(key)
print(len(found) if seen.chosen is None else len(found & seen.chosen), len(found))
"""
FEWER = """
import duckdb, sys
few = f"select * from '{sys.argv[1]}' where hash(event_timestamp) % 200 > 0"
duckdb.sql(f"copy ({few}) to '{sys.argv[2]}' (format parquet, compression zstd)")
"""


@dataclass(frozen=True)
class Row:
    """One line of the table: `ratio` is to what the bar names."""

    step: str
    cost: Cost
    ratio: str = ""
    bar: str = ""
    met: bool | None = None


class Warehouse:
    """A project's warehouse in a folder of its own, over one export."""

    def __init__(self, folder: Path, shards: Path, memory_limit: str = "") -> None:
        folder.mkdir(parents=True)
        shutil.copy(ROOT / "profiles.yml.example", folder / "profiles.yml")
        self.folder = folder
        self._env = {
            "MADANG_GA4_PATH": str(shards),
            "MADANG_DUCKDB_PATH": str(folder / "warehouse.duckdb"),
            "MADANG_MEMORY_LIMIT": memory_limit,
            "MADANG_THREADS": "2",
            "DBT_PROFILES_DIR": str(folder),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }

    def dbt(self, *arguments: str, variables: dict | None = None) -> Cost:
        return run(
            [
                str(Path(sys.executable).with_name("dbt")),
                "--no-use-colors",
                *arguments,
                "--vars",
                json.dumps({"as_of": AS_OF, **(variables or {})}),
                "--target-path",
                str(self.folder / "target"),
                "--log-path",
                str(self.folder / "logs"),
            ],
            env=self._env,
            cwd=ROOT,
        )

    def prepare(self) -> None:
        """Seeds and a full parse, which every later run finds there."""
        self.dbt("seed")
        self.dbt("list", "--select", "+activities")

    def madang(self, *command: str) -> Cost:
        """Run Madang on this warehouse, as the operator of a company with nothing but GA4 does."""
        rules = {
            "version": 1,
            "project": str(ROOT),
            "as_of": AS_OF,
            "paths": {"ga4": self._env["MADANG_GA4_PATH"]},
            "warehouse": {"path": self._env["MADANG_DUCKDB_PATH"], "threads": 2},
        }
        (self.folder / "madang.yml").write_text(json.dumps(rules), encoding="utf-8")
        return run(command, cwd=self.folder)

    def compiled(self, model: str) -> Path:
        (path,) = (self.folder / "target" / "compiled").glob(f"**/{model}.sql")
        return path

    def drop(self) -> None:
        shutil.rmtree(self.folder)


def without_start(cost: Cost, start: Cost) -> Cost:
    """What a dbt command cost beyond dbt's own start."""
    return replace(cost, wall=cost.wall - start.wall, cpu=cost.cpu - start.cpu)


def flattened(shards: Path, folder: Path, variables: dict, columns: str = "*") -> Cost:
    """The events table of a full refresh, or some columns of it, written by DuckDB alone."""
    warehouse = Warehouse(folder, shards)
    warehouse.dbt("seed")
    warehouse.dbt("run", "--select", "stg_builds__days", "base_ga4__shards", variables=variables)
    warehouse.dbt("compile", "--select", "base_ga4__events", variables=variables)
    sql = folder / "events.sql"
    events = warehouse.compiled("base_ga4__events").read_text(encoding="utf-8")
    sql.write_text(f"select {columns} from (\n{events}\n) as events", encoding="utf-8")
    cost = run([sys.executable, "-c", PERSIST, str(sql), str(folder / "persisted.duckdb")])
    warehouse.drop()
    return cost


def split(export_of: Path, folder: Path) -> tuple[Path, list[Path]]:
    """The days but the last, by links; and the files that the day after puts in their place.

    Of the restated days a few events are missing at first.
    """
    folder.mkdir(parents=True)
    files = sorted(export_of.glob("*.parquet"))
    for file in files[: -1 - RESTATED]:
        os.link(file, folder / file.name)
    for file in files[-1 - RESTATED : -1]:
        run([sys.executable, "-c", FEWER, str(file), str(folder / file.name)])
    return folder, files[-1 - RESTATED :]


def exported(events: int, folder: Path, days: int) -> Path:
    """The folder of an export of so many events, made unless it is there."""
    shards = folder / f"ga4_{events}"
    if len(list(shards.glob("*.parquet"))) < days:
        run([sys.executable, str(EXPORT), str(events), str(shards), "--days", str(days)])
    return shards


def better(measure: Callable[[], Cost]) -> Cost:
    """The better of two: what else runs on the machine only adds."""
    return min((measure() for _ in range(2)), key=lambda cost: cost.cpu)


def of_size(events: int, folder: Path, work: Path) -> Iterator[Row]:
    shards = exported(events, folder, DAYS)
    scan = better(lambda: run([sys.executable, "-c", SCAN, str(shards)]))
    yield Row("scan of event_params", scan)
    for name, variables in (("20 parameters", {"ga4_params": {}}), ("as it is", {})):
        cost = better(lambda variables=variables: flattened(shards, work / "flat", variables))
        yield rated(f"events, flattened and persisted: {name}", cost, scan, "flatten")

    starts = []

    def whole_build() -> Cost:
        whole = Warehouse(work / "whole", shards)
        whole.prepare()
        starts.append(whole.dbt("list", "--select", "+activities"))
        build = whole.dbt("run", "--select", "+activities")
        whole.drop()
        return build

    build = better(whole_build)
    start = min(starts, key=lambda cost: cost.cpu)
    full = without_start(build, start)
    yield rated("whole build to activities", replace(full, memory=build.memory), scan, "build")

    limited = Warehouse(work / "limited", shards, memory_limit="1.5GB")
    limited.prepare()
    cost = without_start(limited.dbt("run", "--select", "+activities"), start)
    met = cost.wall <= 1.3 * full.wall and cost.memory <= 2048
    ratio = f"{cost.wall / full.wall:.2f} of the build's wall"
    yield Row("the same with 1.5 GB for DuckDB", cost, ratio, BARS["limited"][1], met)
    limited.drop()

    some, later = split(shards, work / "days")
    grown = Warehouse(work / "grown", some)
    grown.prepare()
    grown.dbt("run", "--select", "+activities")
    for file in later:
        shutil.copy(file, some / file.name)
    cost = without_start(grown.dbt("run", "--select", "+activities"), start)
    share = cost.wall / full.wall
    met = share <= BARS["day"][0]
    yield Row("one new day, three restated", cost, f"{share:.1%}", BARS["day"][1], met)
    cost = grown.dbt("run", "--select", "+activities")
    yield beyond_start("nothing new, plain dbt", cost, start)
    build = (str(Path(sys.executable).with_name("madang")), "build")
    grown.madang(*build)
    cost = grown.madang(sys.executable, "-c", LOOK, str(grown.folder))
    chosen, nodes = cost.output.split()[-2:]
    told = f"`madang build` sees that {chosen} of {nodes} nodes to activities have work"
    yield beyond_start(told, cost, start)
    cost = grown.madang(*build)
    told = "… and builds and tests all that hangs on the clock"
    yield Row(told, cost, f"start + {cost.wall - start.wall:.1f} s")
    yield Row("dbt's own start (dbt list)", start)
    grown.drop()
    shutil.rmtree(some)


def beyond_start(step: str, cost: Cost, start: Cost) -> Row:
    extra = cost.wall - start.wall
    limit, text = BARS["nothing"]
    return Row(step, cost, f"start + {extra:.1f} s", text, extra <= limit)


def rated(step: str, cost: Cost, scan: Cost, bar: str) -> Row:
    ratio = cost.cpu / scan.cpu
    limit, text = BARS[bar]
    return Row(step, cost, f"{ratio:.1f} × the scan", text, ratio <= limit)


def idiom(events: int, folder: Path, work: Path) -> Iterator[Row]:
    """The sub-select by parameter that BigQuery projects write, beside the same columns of ours."""
    shards = exported(events, folder, days=2)
    warehouse = Warehouse(work / "idiom", shards)
    variables = {"ga4_params": {}}
    warehouse.dbt("seed")
    warehouse.dbt("run", "--select", "stg_builds__days", "base_ga4__shards", variables=variables)
    call = (
        "{% set told = {} %}{% for name, type in ga4_params().items() %}"
        "{% do told.update({name: [type, ga4_param_column(name) | trim]}) %}{% endfor %}"
        "{{ told | tojson }}"
    )
    told = warehouse.dbt("--quiet", "compile", "--inline", call, variables=variables)
    names = json.loads(told.output[told.output.index("{") : told.output.rindex("}") + 1])
    fields = {"string": "string_value", "int64": "int_value", "float64": "double_value"}
    columns = ", ".join(
        f"(select param.value.{fields[kind]} from (select unnest(event_params) as param) "
        f"where param.key = '{name}') as {name}"
        for name, (kind, _) in names.items()
    )
    sql = work / "idiom.sql"
    sql.write_text(f"select event_timestamp, event_name, {columns} from '{shards}/*.parquet'")
    slow = run([sys.executable, "-c", PERSIST, str(sql), str(work / "idiom.duckdb")])
    warehouse.drop()
    same = ", ".join(column for _, column in names.values())
    ours = flattened(shards, work / "flat", variables, f"event_timestamp, event_name, {same}")
    times = slow.cpu / ours.cpu
    yield Row(f"{len(names)} correlated sub-selects", slow)
    bar, text = BARS["idiom"]
    yield Row("the same columns of ours", ours, f"{times:.0f} × faster", text, times >= bar)


def table(rows: list[Row]) -> str:
    lines = [
        "| step | wall s | CPU s | peak MB | ratio | bar | met |",
        "|---|---:|---:|---:|---|---|---|",
    ]
    for row in rows:
        met = "" if row.met is None else "yes" if row.met else "no"
        lines.append(
            f"| {row.step} | {row.cost.wall:.1f} | {row.cost.cpu:.1f} | {row.cost.memory:,.0f} | "
            f"{row.ratio} | {row.bar} | {met} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=float, nargs="*", default=[1e6, 5e6, 20e6])
    parser.add_argument("--idiom-events", type=float, default=1e5, help="0 leaves it out")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "madang-bench")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    options = parser.parse_args()
    parts = []
    with tempfile.TemporaryDirectory() as work:
        sizes = [(int(size), of_size) for size in options.events]
        if options.idiom_events:
            sizes.append((int(options.idiom_events), idiom))
        for events, steps in sizes:
            told = "the correlated idiom, " if steps is idiom else ""
            part = f"### GA4, {told}{events:,} events\n\n" + table(
                list(steps(events, options.folder, Path(work)))
            )
            print(part, "\n", flush=True)
            parts.append(part)
    said = f"`python benchmarks/ga4.py` on {machine('duckdb', 'dbt-core', 'dbt-duckdb')}."
    print(said)
    if options.write:
        write("ga4", "\n\n".join(["## GA4", said, *parts]))


if __name__ == "__main__":
    main()
