"""Computes what a day costs on BigQuery at several volumes, for the page docs/bigquery.md.

    python benchmarks/bigquery_cost.py WORKSPACE

WORKSPACE is a DuckDB workspace that is built, such as a demo company's. It is `madang cost` at
10, 100 and 1,000 million events a month; a test holds what that reads to what the GoogleSQL engine
reads (tests/pipeline/test_bigquery_commands.py).
"""

import sys
from pathlib import Path

from madang.cost import TIB, Forecast, Volume, forecast
from madang.cost.forecast import DAYS_READ
from madang.settings.workspace import load_settings

MILLIONS = (10, 100, 1000)
MONTHS_KEPT = (3, 12)


def main() -> None:
    found = forecast(load_settings(Path(sys.argv[1])))
    here = found.export.volume
    print("| events a month | history kept | new days | history read | a day | USD a day |")
    print("|---:|---:|---:|---:|---:|---:|")
    for millions in MILLIONS:
        for months in MONTHS_KEPT:
            print(row(found, Volume(millions * 1e6, months)))
    print()
    for kind in ("by_changed", "by_kept"):
        total = sum(getattr(one.amount, kind) * (1 + one.again) for one in read(found))
        print(f"bytes {kind.replace('_', ' ')} event: {total:,.0f}")
    for text in found.report(here).assumptions:
        print(f"- {text}")
    largest = sorted(read(found), key=lambda one: -one.amount.by_kept * (1 + one.again))[:12]
    for one in largest:
        print(f"  {one.amount.by_kept * (1 + one.again):8.1f} by event kept: {one.kind} {one.name}")


def row(found: Forecast, volume: Volume) -> str:
    report = found.report(volume)
    changed = sum(
        one.amount.by_changed * volume.a_day * DAYS_READ * (1 + one.again) for one in read(found)
    )
    kept = sum(one.amount.by_kept * volume.kept * (1 + one.again) for one in read(found))
    return (
        f"| {volume.events_per_month / 1e6:,.0f} million | {volume.months:.0f} months | "
        f"{changed / 2**30:,.1f} GiB | {kept / 2**30:,.0f} GiB | "
        f"{report.bytes / TIB:.2f} TiB | {report.dollars:,.2f} |"
    )


def read(found: Forecast) -> list:
    return [one for one in found.readings if one.amount is not None]


if __name__ == "__main__":
    main()
