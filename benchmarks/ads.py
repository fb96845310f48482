"""What match keys and reports of conversions cost, beside a plain scan and a bound of seconds.

    python benchmarks/ads.py [--persons 1000000] [--conversions 200000] [--write]

First the match keys of each platform, as the sync's models make them, of persons with an address
and a number each, beside a query that hashes the same texts as they are: the median of three. Then
verified conversions are planned and sent to a local Google, which is a process of its own.
`--write` puts the table into docs/benchmarks.md.
"""

import argparse
import json
import multiprocessing
import multiprocessing.connection
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import duckdb
from processes import machine, met, table, write

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from conversion_rows import row  # noqa: E402
from sync_place import Place  # noqa: E402

ENVIRON = {
    "MADANG_GOOGLE_CLIENT_ID": "id",
    "MADANG_GOOGLE_CLIENT_SECRET": "hush",
    "MADANG_GOOGLE_REFRESH_TOKEN": "sandbox-refresh-token",
}
PLATFORMS = ("google", "meta", "tiktok")
#: Of three addresses one is Gmail's, and one has a dot and a +tag.
VALUES = """
    create table given as
    select
        concat('p', number // 2) as person_id,
        case when number % 2 = 0 then 'email' else 'phone' end as field,
        case
            when number % 2 = 1
                then concat('+8210', lpad(cast(number * 7919 % 100000000 as varchar), 8, '0'))
            when number % 3 = 0 then concat('min.ji', number, '@gmail.com')
            when number % 3 = 1 then concat('some.one', number, '+car@maru.example')
            else concat('someone', number, '@maru.example')
        end as field_value,
        true as is_chosen
    from range({rows}) as numbers (number)
"""
PLAIN = "select person_id, concat(field, ':', sha256(field_value)) as match_key from given"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--conversions", type=int, default=200_000)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = hashing(Path(folder), asked.persons) + sending(Path(folder), asked.conversions)
    head = ("step", "seconds", "beside", "bound", "met")
    given = f"--persons {asked.persons} --conversions {asked.conversions}"
    text = f"`python benchmarks/ads.py {given}` on {machine('duckdb')}\n\n{table(head, rows)}"
    print(text)
    if asked.write:
        write("ads", text)


def hashing(folder: Path, persons: int) -> list[tuple]:
    """Time the match keys of each platform beside the plain hashes."""
    queries = compiled(folder)
    with duckdb.connect(str(folder / "values.duckdb"), config={"threads": 2}) as db:
        db.execute(VALUES.format(rows=2 * persons))
        plain = seconds(db, PLAIN)
        rows = [(f"SHA-256 of {2 * persons:,} texts", f"{plain:.2f}", "", "", "")]
        for name, sql in queries.items():
            took = seconds(db, sql)
            share = took / plain
            told = (f"{took:.2f}", f"{share:.2f} ×", "1.5 ×", met(share <= 1.5))
            rows.append((f"match keys for {name}", *told))
    return rows


def seconds(db: duckdb.DuckDBPyConnection, sql: str) -> float:
    took = []
    for _ in range(3):
        began = time.perf_counter()
        db.execute(f"create or replace temp table made as {sql}")
        took.append(time.perf_counter() - began)
    return median(took)


def compiled(folder: Path) -> dict[str, str]:
    """Return by platform the query that its models read match keys from."""
    shutil.copy(ROOT / "profiles.yml.example", folder / "profiles.yml")
    command = ["dbt", "--quiet", "compile", "--no-version-check", "--target-path", folder / "dbt"]
    calls = (f"{{{{ madang.ad_match_keys('{platform}') }}}}" for platform in PLATFORMS)
    command += ["--inline", "\n-- next\n".join(calls)]
    own = {"DBT_PROFILES_DIR": str(folder), "MADANG_DUCKDB_PATH": str(folder / "none.duckdb")}
    own |= {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    program = Path(sys.executable).parent / "dbt"
    made = subprocess.run(
        [program, *command[1:]],
        cwd=ROOT,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.sub(r'from\s+"[^"]+"\."[^"]+"\."customer_values"', "from given", made.stdout)
    return dict(zip(PLATFORMS, found.split("-- next"), strict=True))


def sending(folder: Path, conversions: int) -> list[tuple]:
    """Time the plan and the sending of conversions to a local Google."""
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    server = processes.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    url = ours.recv()
    from madang.sync.destinations.google.destination import GoogleSettings

    settings = GoogleSettings(
        account_id="1234567890", auth="refresh_token", url=url, token_url=f"{url}/token"
    )
    told = json.dumps({"test_drive": {"action_id": "7000000001", "source": "IN_STORE"}})
    names = {"name": "conversions", "key": "upload_key", "more": f", conversions: {told}"}
    place = Place(folder / "place", "google", settings, ENVIRON, **names)
    place.want(*(row(number) for number in range(conversions)))
    began = time.perf_counter()
    place.plan()
    planned = time.perf_counter() - began
    result = place.apply()
    server.terminate()
    if result.accepted != conversions:
        sys.exit(f"{result.accepted:,} of {conversions:,} were accepted")
    return [
        (f"a plan of {conversions:,} conversions", f"{planned:.1f}", "", "", ""),
        (
            f"sending them, {result.requests:,} requests",
            f"{result.seconds:.1f}",
            "",
            "10 s",
            met(result.seconds <= 10),
        ),
    ]


def serve(to: multiprocessing.connection.Connection) -> None:
    """Serve a local Google, and say where."""
    from madang.sandbox.google import GoogleSandbox

    with GoogleSandbox() as google:
        to.send(google.url)
        time.sleep(3600)


if __name__ == "__main__":
    main()
