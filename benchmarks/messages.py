"""Times `messages` and `campaign_performance` against one group-by of their events.

    python benchmarks/messages.py [--events 10000000] [--folder /tmp/messages]

Writes staged Currents events as `stg_braze__messages` has them, with 400,000 persons, 300,000
conversions, 200 campaigns and one in-app message in ten (no dispatch, no delivery), lets dbt
compile the models of messages, and runs their statements. The peer is one persisted group-by of
the same events by dispatch and person that keeps what a message has: its campaign, its variant and
the first moment of each of 13 outcomes. At most 3 times the peer is asked for. A smaller one, with
five outcomes and nothing else, is printed beside it. Processor seconds count all threads.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import duckdb

from madang.build.dbt import run_dbt
from madang.settings.workspace import load_settings

SEEDS = ("message_channels", "message_audiences", "message_prices")
MODELS = (
    "braze_placed_events",
    "braze_messages",
    "message_names",
    "message_clicks",
    "message_credits",
    "sent_messages",
    "message_conversions",
    "messages",
    "campaign_performance",
)

EVENTS = """
    create table madang_private.stg_braze__messages as
    with sendings as (
        select
            n,
            n % 200 as campaign,
            (n * 48271) % 400000 as person,
            case n % 10 when 0 then 'in_app_message' when 1 then 'push' when 2 then 'sms'
                else 'email' end as channel,
            timestamp '2026-06-01' + interval (n % 11000000) second as began
        from range({sendings}) as t (n)
    ),

    happened as (
        select *, unnest(case
            when channel = 'in_app_message' and n % 7 = 0 then ['viewed', 'clicked']
            when channel = 'in_app_message' then ['viewed']
            when channel = 'push' and n % 13 = 0 then ['sent', 'opened']
            when channel = 'push' then ['sent']
            when channel = 'sms' then ['sent', 'delivered']
            when n % 50 = 3 then ['sent', 'bounced']
            when n % 3 = 0 then ['sent', 'delivered', 'opened', 'opened', 'clicked']
            when n % 3 = 1 then ['sent', 'delivered', 'opened']
            else ['sent', 'delivered', 'machine']
        end) as kind
        from sendings
    )

    select
        md5(concat(n, kind, row_number() over ())) as event_id,
        concat('user', person) as braze_user_id,
        concat('user', person) as current_user_id,
        concat('campaign-0000-0000-0000-', campaign) as campaign_id,
        null::varchar as canvas_id,
        null::varchar as canvas_step_id,
        concat('variation-0000-0000-', campaign % 2, '-', campaign) as variation_id,
        case when channel <> 'in_app_message' then md5(concat('dispatch', n // 1000)) end
            as dispatch_id,
        channel,
        case kind when 'machine' then 'opened' else kind end as outcome,
        concat('Campaign ', campaign) as campaign_name,
        null::varchar as canvas_step_name,
        concat('Variant ', campaign % 2) as variation_name,
        kind = 'machine' as is_machine_open,
        false as is_bot_click,
        kind in ('opened', 'clicked', 'viewed') as is_engagement,
        false as is_test,
        false as is_deleted,
        began + interval (case kind when 'sent' then 0 when 'viewed' then 0 when 'delivered' then 20
            when 'opened' then 4000 else 5000 end) second as event_at
    from happened
    limit {events}
"""

OTHERS = (
    """create table madang_private.stg_braze__subscriptions (event_id varchar,
        current_user_id varchar, braze_user_id varchar, channel varchar, status varchar,
        dispatch_id varchar, campaign_id varchar, canvas_id varchar, canvas_step_id varchar,
        is_test bool, is_deleted bool, event_at timestamp)""",
    """create table madang_staging.stg_fx__rates (from_currency varchar, to_currency varchar,
        rate double, valid_from date, valid_to date)""",
    """create table madang_identity.record_persons as
        select 'braze' as source, concat('user', n) as record_id, md5(concat('p', n)) as person_id
        from range(400000) as t (n)""",
    """create table madang_marts.customers as
        select md5(concat('p', n)) as person_id,
            case n % 10 when 0 then 'VVIP' when 1 then 'VIP' end as tier
        from range(400000) as t (n)""",
    """create table madang_marts.tier_history as
        select md5(concat('p', n)) as person_id, 'VIP' as tier,
            timestamp '2026-01-01' as valid_from, null::timestamp as valid_to
        from range(40000) as t (n)""",
    """create table madang_marts.person_stages as
        select 'customer' as journey, md5(concat('p', n)) as person_id, 'registered' as stage,
            timestamp '2026-01-01' as entered_at, null::timestamp as left_at
        from range(400000) as t (n)""",
    """create table madang_marts.conversions as
        select md5(concat('c', n)) as conversion_key, 'order' as conversion_type,
            md5(concat('p', (n * 7919) % 400000)) as person_id,
            timestamp '2026-06-01' + interval (n * 36) second as converted_at,
            10000.0::double as online_value, 'verified' as verified_state,
            10000.0::double as verified_value
        from range(300000) as t (n)""",
    """create table madang_marts.touches (touch_key varchar, activity_id varchar)""",
    """create table madang_marts.attribution_credits (conversion_key varchar, touch_key varchar,
        model varchar, credit double, credited_value double, credited_verified double,
        credited_verified_value double)""",
)

#: What becomes of a message, as `braze_messages` tells it.
OUTCOMES = (
    "outcome = 'sent'",
    "outcome = 'delivered'",
    "outcome = 'opened' and not is_machine_open",
    "outcome = 'clicked' and not is_bot_click",
    "outcome = 'bounced'",
    "outcome = 'viewed'",
    "is_machine_open",
    "outcome = 'clicked' and is_bot_click",
    "outcome = 'replied'",
    "outcome = 'dismissed'",
    "outcome = 'failed'",
    "outcome = 'marked_as_spam'",
    "outcome = 'unsubscribed'",
)
VIEWS = ("braze_messages", "messages")


def peer(columns: str, outcomes: tuple[str, ...]) -> str:
    """A persisted group-by of the events by dispatch and person."""
    moments = ", ".join(
        f"min(case when {condition} then event_at end) as moment_{number}"
        for number, condition in enumerate(outcomes)
    )
    return f"""
        create or replace table madang_marts.peer as
        select {columns}, {moments} from madang_private.stg_braze__messages
        group by all
    """


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = given.folder or Path(scratch)
        root.mkdir(parents=True, exist_ok=True)
        write_events(root, given.events)
        with duckdb.connect(str(root / "warehouse.duckdb")) as connection:
            connection.execute("set threads = 2")
            connection.execute("set preserve_insertion_order = false")
            keys = "coalesce(dispatch_id, event_id) as ref, current_user_id, channel"
            ids = "min(campaign_id) as campaign_id, min(variation_id) as variation_id"
            small = timed(
                connection, "peer of 5 outcomes", peer("dispatch_id, current_user_id", OUTCOMES[:5])
            )
            whole = timed(connection, "peer of 13 outcomes", peer(f"{keys}, {ids}", OUTCOMES))
            ours = sum(timed(connection, name, statement(root, name)) for name in MODELS)
        print(
            f"together {ours:.1f} s of processors: {ours / whole:.2f} times the peer, at most 3 "
            f"are asked for; {ours / small:.2f} times the smaller one"
        )


def write_events(root: Path, events: int) -> None:
    """A warehouse with what the models read, and the lists that dbt loads."""
    repository = Path(__file__).resolve().parents[1]
    (root / "madang.yml").write_text(
        f"version: 1\nas_of: 2026-11-01T12:00:00+09:00\nproject: {repository}\n", encoding="utf-8"
    )
    (root / "warehouse.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(root / "warehouse.duckdb")) as connection:
        for schema in ("private", "staging", "identity", "marts"):
            connection.execute(f"create schema madang_{schema}")
        connection.execute(EVENTS.format(sendings=events, events=events))
        for statement in OTHERS:
            connection.execute(statement)
    run_dbt(load_settings(root), ["seed", "--select", *SEEDS])
    run_dbt(load_settings(root), ["compile", "--select", *MODELS])


def statement(root: Path, name: str) -> str:
    """The statement that builds a model, from what dbt compiled."""
    path = next((root / "target" / "compiled").rglob(f"{name}.sql"))
    kind = "view" if name in VIEWS else "table"
    return f"create or replace {kind} madang_marts.{name} as {path.read_text(encoding='utf-8')}"


def timed(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> float:
    """Run a statement, print its seconds and processor seconds, return the latter."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    connection.execute(sql)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{name}: {seconds:.1f} s, {spent:.1f} s of processors", flush=True)
    return spent


if __name__ == "__main__":
    main()
