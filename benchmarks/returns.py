"""Holds the expected final values against what really became of each application.

    python benchmarks/returns.py [--people 20000] [--days 400] [--seed 7] [--folder /tmp/returns]

The demo's world is made as far as its applications and what becomes of them, without the export,
and `conversions` is written from it as its model would be; the models of maturity are built on
that by dbt as they are, half a year after the world's end, when everything is decided. Each month
is looked at when it was over, by channel and conversion type, with what was known then. Printed is
how many of the 90 % intervals hold what became of the month in the end; 85 to 95 % of at least 300
channel-months are asked for.
"""

import argparse
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import duckdb

from madang.build.dbt import run_dbt
from madang.demo.engine import Engine
from madang.demo.world import plan_world
from madang.settings.workspace import load_settings

STEPS = ("people", "devices", "visits", "traffic", "shop", "events", "customers", "orders")
MODELS = ("maturity_cases", "maturity_transitions", "maturity_days", "conversion_expectations")

#: When everything is decided.
LATER = timedelta(days=183)
#: What `conversions` has of each application then.
CONVERSIONS = """
    with told as (
        select
            real_application_id as application_id,
            min(occurred_us) filter (
                status in ('visited', 'installed') or product = 'care_plan' and status = 'confirmed'
            ) as verified_us,
            min(occurred_us) filter (status in ('cancelled', 'no_show')) as lost_us,
            max(occurred_us) filter (status in ('cancelled', 'reversed')) as taken_us
        from outcomes
        where real_application_id is not null
        group by all
    ),

    dated as (
        select
            applications.*,
            origins.channel_group,
            event_us + us_days(
                case product when 'charger' then 90 when 'test_drive' then 60 else 14 end
            ) as verify_by_us,
            case when verified_us <= verify_by_us then verified_us end as verified,
            case when taken_us > verified then taken_us end as reversed,
            coalesce(lost_us, verify_by_us) as lost,
            case product when 'charger' then 1200000 else 50000 end::double as worth
        from applications
        inner join visits using (visit_no)
        inner join origins on origins.origin_no = visits.last_click_no
        left join told using (application_id)
        where event_us <= getvariable('until_us')
    )

    select
        application_id as conversion_key,
        product as conversion_type,
        make_timestamp(event_us) as converted_at,
        kst_date(event_us) as conversion_date,
        channel_group,
        worth as online_value,
        'KRW' as currency,
        case when reversed is not null then 'reversed' when verified is not null then 'verified'
            when lost is not null then 'lost' else 'pending' end as verified_state,
        make_timestamp(verified) as verified_at,
        case when verified is not null then case when reversed is null then worth else 0 end end
            as verified_value,
        case when verified is not null then case when reversed is null then 0 else worth end end
            as reversed_value,
        make_timestamp(reversed) as reversed_at,
        case when verified is null then make_timestamp(lost) end as lost_at,
        make_timestamp(verify_by_us) as verify_by
    from dated
"""

COVERAGE = """
    select
        {by} as by_what,
        count(*) as channel_months,
        count(*) filter (pending > 0) as with_pending,
        round(100 * avg(conversions_are_within::int), 1) as counts_percent,
        round(100 * avg(value_is_within::int), 1) as values_percent,
        round(100 * avg(conversions_are_within::int) filter (pending > 0), 1) as counts_pending,
        round(100 * avg(value_is_within::int) filter (pending > 0), 1) as values_pending,
        round(sum(expected_conversions) / sum(final_conversions), 3) as expected_to_final
    from madang_marts.maturity_backtest
    where is_decided and is_curve_whole
    group by all
    order by all
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--months", type=int, default=20)
    parser.add_argument("--least-ended", type=int, default=50)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = given.folder or Path(scratch)
        root.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        write_conversions(root, given.people, given.days, given.seed)
        print(f"world: {time.monotonic() - began:.1f} s")
        began = time.monotonic()
        build(
            root,
            {"maturity_backtest_months": given.months, "maturity_least_ended": given.least_ended},
        )
        print(f"models: {time.monotonic() - began:.1f} s")
        for by in ("'all'", "conversion_type", "channel_group"):
            tell(root, COVERAGE.format(by=by))


def write_conversions(root: Path, people: int, days: int, seed: int) -> None:
    """Make the world, and a warehouse that has its conversions and nothing else."""
    world = plan_world(people, days, seed, None)
    with Engine(world, root) as engine:
        for name in (*STEPS, "applications"):
            engine.run(name)
        warehouse = root / "warehouse.duckdb"
        warehouse.unlink(missing_ok=True)
        engine.execute(f"attach '{warehouse}' as warehouse")
        engine.execute("create schema warehouse.madang_marts")
        engine.execute(f"create table warehouse.madang_marts.conversions as {CONVERSIONS}")
        engine.execute("detach warehouse")
    repository = Path(__file__).resolve().parents[1]
    (root / "madang.yml").write_text(
        f"version: 1\nas_of: {(world.until + LATER).isoformat()}\nproject: {repository}\n",
        encoding="utf-8",
    )


def build(root: Path, variables: dict[str, int]) -> None:
    """Build the models of maturity with dbt."""
    run_dbt(
        load_settings(root),
        ["run", "--select", *MODELS, "maturity_backtest"],
        variables=variables,
    )


def tell(root: Path, query: str) -> None:
    """Print a query's rows."""
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as connection:
        connection.sql(query).show(max_width=200)


if __name__ == "__main__":
    main()
