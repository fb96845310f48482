"""Masks and groups a million inquiries by the models' own SQL, beside one pass over the texts.

    python benchmarks/inquiries.py [--inquiries 1000000] [--folder /tmp/inquiries]

The texts are those of the test of masking (tests/support/inquiry_texts.py): three of four have
personal data in them. Timed are masking (what `stg_inquiries__states` adds) and the model
`inquiry_topics`, as dbt compiles them; a pass is one regular expression over all texts. At most
20 seconds are asked for a million to be put into groups.
"""

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from madang.build.dbt import run_dbt
from madang.settings.workspace import load_settings

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "support"))

from inquiry_texts import inquiries  # noqa: E402

INLINE = "@mask@{{ masked_inquiry('content') }}"


def compiled(folder: Path) -> tuple[str, str]:
    """Return the SQL of masking, and of the model that groups."""
    file = folder / "madang.yml"
    file.write_text(f"version: 1\nproject: {REPOSITORY}\n", encoding="utf-8")
    settings = load_settings(file)
    run_dbt(settings, ["compile", "--inline", INLINE])
    (mask,) = (folder / "target" / "compiled").rglob("inline_query")
    found = mask.read_text(encoding="utf-8").partition("@mask@")[2]
    run_dbt(settings, ["compile", "--select", "inquiry_topics"])
    (model,) = (folder / "target" / "compiled").rglob("inquiry_topics.sql")
    return found, model.read_text(encoding="utf-8")


def timed(db: duckdb.DuckDBPyConnection, sql: str) -> tuple[float, float]:
    """Run a statement; return its seconds, and its seconds of processors."""
    began, used = time.perf_counter(), time.process_time()
    db.execute(sql)
    return time.perf_counter() - began, time.process_time() - used


def measure(count: int, folder: Path) -> None:
    """Print the table."""
    mask, topics = compiled(folder)
    db = duckdb.connect()
    db.execute("attach ':memory:' as warehouse")
    for schema in ("madang_private", "madang_staging", "madang_reference"):
        db.execute(f"create schema warehouse.{schema}")
    rules = REPOSITORY / "seeds" / "inquiry_rules.csv"
    db.execute(
        "create table warehouse.madang_reference.inquiry_rules as "
        f"from read_csv('{rules}', header = true, types = {{'priority': 'int'}})"
    )
    some = list(inquiries(min(count, 20000), seed=1))
    db.execute("create table written (n int, text varchar)")
    db.executemany("insert into written values (?, ?)", [[n, row[0]] for n, row in enumerate(some)])
    # a number behind each, so that no two texts are one
    db.execute(f"""
        create table texts as
        select 'Q' || numbers.n as inquiry_id, text || ' (' || numbers.n || ')' as content
        from range({count}) as numbers (n)
        inner join written on written.n = numbers.n % {len(some)}""")
    a_pass = timed(
        db, "create table passed as select regexp_replace(content, '[0-9]{8}', '', 'g') from texts"
    )
    masking = timed(
        db,
        "create table warehouse.madang_private.stg_inquiries__inquiries as "
        f"select inquiry_id, {mask} as content from texts",
    )
    grouping = timed(db, re.sub(r"^", "create table grouped as ", topics.strip(), count=1))
    shares = db.execute(
        "select count(*), avg((inquiry_group = '(unmatched)')::int) from grouped"
    ).fetchone()
    print(f"| step | seconds for {count:,} inquiries | of processors | passes |")
    print("|---|---|---|---|")
    for name, (seconds, used) in (("one pass", a_pass), ("masking", masking), ("groups", grouping)):
        print(f"| {name} | {seconds:.1f} | {used:.1f} | {used / a_pass[1]:.0f} |")
    print(f"\n{shares[0]:,} in groups, {shares[1]:.0%} of them unmatched")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--inquiries", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = given.folder or Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        measure(given.inquiries, place)
