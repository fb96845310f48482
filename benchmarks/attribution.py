"""What attribution costs beside a scan of its touches, and beside ChannelAttribution and others.

    python benchmarks/attribution.py [--paths 1000000] [--threads 2]
        [--peers PYTHON] [--write]

Invents paths of 1 to 12 touches of 12 channels over a year, one in ten with a conversion, and runs
the models from `attribution_path_touches` on: all from nothing, then with the touches of one more
day, then again with nothing new. Peers are given the same paths, as texts with counts where they
take that, in processes of the Python that `--peers` names, where they can be imported (with
duckdb and pandas): they are no dependency of this project. Ours ends with channels and their
credits, from the table of path touches.

`--write` puts the table into docs/benchmarks.md.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from processes import machine, met, run, table, write

PROJECT = Path(__file__).resolve().parents[1]
MARTS, PRIVATE = "madang_marts", "madang_private"
MODELS = [
    *("attribution_path_touches", "attribution_paths", "attribution_entries"),
    *("attribution_transitions", "attribution_removal_effects", "attribution_credits"),
    "attribution_channel_credits",
]
FITTED = ("attribution_transitions", "attribution_removal_effects")
PEERS = {"ChannelAttribution": 4, "marketing_attribution_models": 25, "do_attribution": 80}
LAST_DAY = "2026-10-31"


def invent(warehouse: Path, paths: int) -> None:
    """Write touches and conversions of a year; those of the last day into tables beside them."""
    with duckdb.connect(str(warehouse)) as db:
        db.execute(f"create schema if not exists {MARTS}")
        db.execute(f"create schema if not exists {PRIVATE}")
        db.execute(f"""
            create temp table paths as
            select range as id, hash(range) % 1000 / 1000.0 < 0.1 as is_converted,
                1 + least(11, (-3.2 * ln(1 - hash(range, 1) % 10000 / 10000.0))::bigint) as touches,
                timestamp '2025-11-01' + to_seconds((hash(range, 2) % 31536000)::bigint) as ended_at
            from range({paths})""")
        db.execute(f"""
            create table {MARTS}.all_touches as
            select id || '.' || place as touch_key, 'p' || id as subject_id, touched_at,
                touched_at::date as touch_date, 'channel ' || channel as channel_group,
                channel = 0 as is_direct
            from (
                select id, place, least(11, (-2.5 * ln(1 - hash(id, place) % 10000 / 10000.0))::int)
                        as channel,
                    ended_at - to_hours(((touches - place) * 20)::bigint) as touched_at
                from (select *, unnest(range(1, touches + 1)) as place from paths))""")
        db.execute(f"""
            create table {MARTS}.all_conversions as
            select 'c' || id as conversion_key, 'order' as conversion_type, 'p' || id as person_id,
                null::varchar as device_id, ended_at as converted_at,
                ended_at::date as conversion_date, 1000.0 + id % 997 as online_value
            from paths where is_converted""")
        db.execute(f"create table {PRIVATE}.consent_signals (person_id varchar, signal varchar)")


def show(warehouse: Path, before: str) -> None:
    """Make the inputs those before a day."""
    with duckdb.connect(str(warehouse)) as db:
        db.execute(f"""
            create or replace table {MARTS}.touches as
            select * from {MARTS}.all_touches where touch_date < date '{before}'""")
        db.execute(f"""
            create or replace table {MARTS}.conversions as
            select * from {MARTS}.all_conversions where conversion_date < date '{before}'""")
        db.execute(f"""
            create or replace table {MARTS}.conversion_changes as
            select conversion_key, conversion_type, 1::bigint as change_number,
                conversion_date as change_date, 1::bigint as verified_change,
                online_value as verified_value_change
            from {MARTS}.conversions""")


def build(root: Path, threads: int, *more: str) -> dict[str, float]:
    """Run the models; the seconds of each, from dbt's own results."""
    code = (
        "from pathlib import Path; from madang.settings.workspace import load_settings; "
        "from madang.build.dbt import run_dbt; "
        f"run_dbt(load_settings(Path('madang.yml')), {['run', '--select', *MODELS, *more]})"
    )
    run([sys.executable, "-c", code], cwd=root)
    (found,) = root.rglob("run_results.json")
    results = json.loads(found.read_text())["results"]
    return {one["unique_id"].rsplit(".", 1)[1]: one["execution_time"] for one in results}


def timed(warehouse: Path, threads: int, *statements: str) -> float:
    """The fastest of three runs."""
    with duckdb.connect(str(warehouse), config={"threads": threads}) as db:
        times = []
        for _ in range(3):
            began = time.perf_counter()
            for statement in statements:
                db.execute(statement).fetchall()
            times.append(time.perf_counter() - began)
    return min(times)


def by_peer(name: str, warehouse: Path) -> float:
    """Fit the peer's Markov chain of order 1; the seconds of that alone."""
    with duckdb.connect(str(warehouse), read_only=True) as db:
        paths = db.execute(f"""
            select string_agg(channel_group, ' > ' order by position) as path,
                max(case when conversion_key is null then 0 else 1 end) as converted
            from {MARTS}.attribution_path_touches group by path_key""").df()
    began = time.perf_counter()
    if name == "ChannelAttribution":
        import ChannelAttribution

        paths["failed"] = 1 - paths["converted"]
        ChannelAttribution.markov_model(
            paths, "path", "converted", var_null="failed", order=1, sep=">", ncore=1, verbose=False
        )
    elif name == "do_attribution":
        from do_attribution import MarkovAttribution

        MarkovAttribution(order=1).fit(paths["path"], paths["converted"])
    else:
        from marketing_attribution_models import MAM

        MAM(paths, channels_colname="path", journey_with_conv_colname="converted").markov()
    return time.perf_counter() - began


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--paths", type=int, default=1_000_000)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--peers", help="a Python that has the others")
    options.add_argument("--write", action="store_true")
    options.add_argument("--peer", help=argparse.SUPPRESS)
    options.add_argument("--warehouse", type=Path, help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.peer:
        print(by_peer(asked.peer, asked.warehouse))
        return
    folder = Path(tempfile.mkdtemp())
    try:
        measure(folder, asked)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, asked: argparse.Namespace) -> None:
    warehouse = folder / "warehouse.duckdb"
    (folder / "madang.yml").write_text(
        f"version: 1\nproject: {PROJECT}\nas_of: 2026-11-01T00:00:00+00:00\n"
        f"warehouse: {{type: duckdb, path: warehouse.duckdb, threads: {asked.threads}}}\n"
    )
    invent(warehouse, asked.paths)
    show(warehouse, LAST_DAY)
    build(folder, asked.threads)
    show(warehouse, "2026-11-01")
    new_day = build(folder, asked.threads)
    whole = build(folder, asked.threads, "--full-refresh")
    compiled = next(folder.rglob("compiled/**/attribution_credits.sql")).read_text()
    scan = timed(
        warehouse,
        asked.threads,
        f"select max(path_key), max(touch_key), max(channel_group), max(touched_at), count(*) "
        f"from {MARTS}.attribution_path_touches",
    )
    unpersisted = timed(
        warehouse,
        asked.threads,
        f"select model, sum(credit), sum(credited_value) from ({compiled}) group by model",
    )
    persisted = timed(
        warehouse,
        asked.threads,
        f"create or replace temp table made as {compiled}",
    )
    copied = timed(
        warehouse,
        asked.threads,
        f"create or replace temp table made as from {MARTS}.attribution_credits",
    )
    shapley = timed(
        warehouse,
        asked.threads,
        f"""select channel_group, sum(1.0 / channels) from (
            select path_key, channel_group, count(*) over (partition by path_key) as channels
            from {MARTS}.attribution_path_touches
            where is_first_of_channel and conversion_key is not null) group by 1""",
    )
    markov = sum(whole[name] for name in FITTED)
    full, day = sum(whole.values()), sum(new_day.values())
    rows = [
        ["scan of the path touches", f"{scan:.2f}", "", "", ""],
        [
            "all models, unpersisted",
            f"{unpersisted:.2f}",
            f"{unpersisted / scan:.1f} × the scan",
            "≤ 12 × the scan",
            met(unpersisted <= 12 * scan),
        ],
        [
            "all models, persisted",
            f"{persisted:.2f}",
            f"{persisted / copied:.2f} × a copy of them",
            "≤ 1.5 × a copy",
            met(persisted <= 1.5 * copied),
        ],
        ["Markov of order 1, from path touches", f"{markov:.2f}", "", "", ""],
        ["Shapley, from path touches", f"{shapley:.2f}", "", "", ""],
        ["all from nothing", f"{full:.2f}", "", "", ""],
        ["one new day", f"{day:.2f}", f"{day / full:.0%}", "≤ 15 %", met(day <= 0.15 * full)],
    ]
    for peer, bar in PEERS.items() if asked.peers else ():
        command = [asked.peers, __file__, "--peer", peer, "--warehouse", str(warehouse)]
        ended = run(command, good=(0, 1))
        last = ended.output.split()[-1]
        if not last.replace(".", "").isdigit():
            rows.append([f"{peer}: cannot be imported", "", "", f"≥ {bar} ×", ""])
            continue
        seconds = float(last)
        times = f"{seconds / markov:.1f} × ours"
        is_met = met(seconds >= bar * markov)
        rows.append([f"{peer}, Markov of order 1", f"{seconds:.2f}", times, f"≥ {bar} ×", is_met])
    with duckdb.connect(str(warehouse), read_only=True) as db:
        (touches,) = db.execute(f"select count(*) from {MARTS}.all_touches").fetchone()
    title = f"{asked.paths:,} paths, {touches:,} touches, {asked.threads} threads"
    made = table(["step", "wall s", "ratio", "bar", "met"], rows)
    print(f"{title}\n\n{made}")
    if asked.write:
        write("Attribution", f"{machine('duckdb')}\n\n### {title}\n\n{made}")


if __name__ == "__main__":
    main()
