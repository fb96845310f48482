"""What the pipeline costs: every step as a process, beside one scan of the raw events.

    python benchmarks/pipeline.py [--people 20000] [--days 60]

Prints wall and CPU seconds, peak memory and the ratio to the scan, all of one run. Machines differ
and are noisy, so the ratios count. The scan reads every `event_params` of the export once with two
threads, which is the least that any build has to do.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCAN = """
import duckdb, sys
connection = duckdb.connect()
connection.execute("set threads = 2")
files = f"{sys.argv[1]}/ga4/*.parquet"
connection.sql(f"select count(*), sum(hash(event_params)) from '{files}'").fetchall()
"""
GENERATE = """
import datetime as dt, sys
from pathlib import Path
from madang.demo.company import generate
until = dt.datetime.fromisoformat(sys.argv[4])
generate(Path(sys.argv[1]), people=int(sys.argv[2]), days=int(sys.argv[3]), until=until)
"""
END = "2026-11-01T12:00:00+09:00"
DAY_BEFORE = "2026-10-31T12:00:00+09:00"


def measure(name: str, command: list[str]) -> tuple[str, float, float, int]:
    """Run one process; return its name, wall seconds, CPU seconds and peak memory in MB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output, _ = process.stdout.read(), process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        sys.exit(f"{name} ended with {process.returncode}:\n{output[-3000:]}")
    return (
        name,
        time.perf_counter() - started,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss // 1024,
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--people", type=int, default=20_000)
    arguments.add_argument("--days", type=int, default=60)
    options = arguments.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "company"
        python, madang = (
            sys.executable,
            [str(Path(sys.executable).with_name("madang")), "--config", str(workspace)],
        )
        size = [str(workspace), str(options.people), str(options.days)]
        rows = [
            measure("generate, a day short", [python, "-c", GENERATE, *size, DAY_BEFORE]),
            measure("load", [*madang, "load"]),
            measure("first build", [*madang, "build"]),
            measure("generate the next day", [python, "-c", GENERATE, *size, END]),
            measure("load what is new", [*madang, "load"]),
            measure("build with one more day", [*madang, "build"]),
            measure("build with nothing new", [*madang, "build"]),
            measure("full refresh", [*madang, "build", "--full-refresh"]),
            measure("raw scan", [python, "-c", SCAN, str(workspace)]),
        ]
    scan = rows[-1][2]
    print(f"{options.people:,} people, {options.days} days, {os.cpu_count()} processors")
    print(f"{'step':28}{'wall s':>9}{'CPU s':>9}{'MB':>8}{'CPU / scan':>12}")
    for name, wall, cpu, memory in rows:
        print(f"{name:28}{wall:9.1f}{cpu:9.1f}{memory:8,}{cpu / scan:12.1f}")


if __name__ == "__main__":
    main()
