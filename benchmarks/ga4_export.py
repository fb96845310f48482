"""Writes a GA4 export of any size: daily Parquet shards as BigQuery exports them, made by DuckDB.

    python benchmarks/ga4_export.py EVENTS FOLDER [--days 60]

The same arguments give the same events. What the shape is taken from: about 25 events a device and
7.6 a session, 10 parameters an event, a value in one of four fields by the parameter's type, user
ids on 4 % of the events and items on a sixth, one copy of a hit in 2,000, two hits of one
microsecond at the start of each session.
"""

import argparse
from datetime import date, timedelta
from pathlib import Path

import duckdb

FIRST_DAY = date(2026, 9, 1)
EVENTS_A_SESSION, EVENTS_A_DEVICE = 7.6, 25
ROWS_A_GROUP = 100_000

MACROS = """
create macro chance(of_what, salt) as
    (hash(of_what * 1000003 + salt) >> 11)::double / (1::ubigint << 53)::double;
create macro one_of(choices, share) as choices[1 + floor(share * len(choices))::int];
create macro param(name, string_value, int_value, double_value) as {
    key: name,
    value: {
        string_value: string_value::varchar, int_value: int_value::bigint,
        float_value: null::double, double_value: double_value::double
    }
};
create table channels as select * from (values
    (0, null, null, null, null), (1, 'google', 'organic', '(organic)', null),
    (2, 'google', 'cpc', 'brand_kr', 'gclid'), (3, 'naver', 'organic', null, null),
    (4, 'facebook', 'paid_social', 'summer_sale', null), (5, 'braze', 'email', 'welcome', null),
    (6, 'kakao', 'paid_social', 'bizboard', null), (7, 'blog.example.com', 'referral', null, null)
) as channels (channel, source, medium, campaign, click);
"""

SESSIONS = """
create table sessions as
select
    *,
    row_number() over (partition by device order by day, second) as session_number,
    epoch_us(timestamp '{first_day}') + (day * 86400 + second) * 1000000 as started
from (
    select
        i as session,
        floor(pow(chance(i, 1), 1.7) * {devices})::bigint as device,
        floor(chance(i, 2) * {days})::int as day,
        floor((0.25 * chance(i, 3) + 0.75 * chance(i, 4)) * 86000)::bigint as second,
        least(2 + floor(-ln(1 - chance(i, 5) * 0.999) * 5.6)::int, 60)
            + (chance(i, 6) < 0.5)::int as events,
        one_of([0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 6, 7, 7], chance(i, 7)) as channel,
        chance(i, 8) as intent
    from range({sessions}) as numbers (i)
);
"""

HITS = """
with hits as (
    select
        sessions.*, channels.* exclude (channel), k,
        started + greatest(k - 1, 0) * (3e6 + chance(session * 64 + k, 11) * 4.5e7)::bigint
            as moment,
        chance(session * 64 + k, 12) as a,
        chance(session * 64 + k, 13) as b,
        case
            when k = 0 and session_number = 1 then 'first_visit'
            when k = 0 then 'session_start'
            when k = 1 then 'page_view'
            else one_of([
                'view_item', 'view_item', 'scroll', 'user_engagement', 'user_engagement', 'click',
                'page_view', 'page_view', 'page_view', 'page_view', 'view_search_results',
                case when k > 3 then 'add_to_cart' else 'page_view' end,
                case when k > 4 then 'begin_checkout' else 'view_item_list' end,
                case when k > 7 and intent < 0.5 then 'purchase' else 'scroll' end
            ], chance(session * 64 + k, 14))
        end as name
    from sessions
    inner join channels using (channel)
    cross join range(events) as steps (k)
    where day = {day}
),

copied as (
    select *, name in ('view_item', 'add_to_cart', 'begin_checkout', 'purchase') as has_items
    from hits
    cross join range(case when chance(session * 64 + k, 15) < 0.0005 then 2 else 1 end)
)

select
    '{suffix}' as event_date,
    moment as event_timestamp,
    name as event_name,
    list_concat(
        [
            param('ga_session_id', null, started // 1000000, null),
            param('ga_session_number', null, session_number, null),
            param(
                'page_location',
                'https://shop.example.com/' || one_of([
                    'home', 'category/shoes', 'category/bags', 'product/', 'cart', 'blog/post'
                ], a) || '?pid=' || (b * 5000)::int
                || case
                    when k = 1 and medium is not null
                        then '&utm_source=' || source || '&utm_medium=' || medium
                    else ''
                end,
                null, null
            ),
            param(
                'page_title', one_of(['Home', 'Shoes', 'Bags', 'Product', 'Cart'], a), null, null
            ),
            param('page_referrer', one_of([
                'https://www.google.com/', 'https://m.search.naver.com/',
                'https://shop.example.com/home', 'https://shop.example.com/category/shoes'
            ], b), null, null),
            param('engaged_session_event', null, 1, null),
            param('engagement_time_msec', null, (a * 30000)::bigint, null),
            case
                when a < 0.1 then param('session_engaged', null, (events > 2)::int, null)
                else param('session_engaged', (events > 2)::int::varchar, null, null)
            end
        ],
        case
            when k <= 1
                then [
                    param('entrances', null, 1, null), param('ignore_referrer', 'true', null, null)
                ]
        end,
        case
            when k = 1 and medium is not null then [
                param('source', source, null, null), param('medium', medium, null, null),
                param('campaign', campaign, null, null)
            ]
        end,
        case
            when has_items then [
                param('currency', 'KRW', null, null),
                case
                    when a < 0.3 then param('value', null, (a * 2e5)::bigint, null)
                    else param('value', null, null, 13000 + a * 2e5)
                end,
                param(
                    'transaction_id', case when name = 'purchase' then 'T' || session end,
                    null, null
                )
            ]
            when name = 'scroll' then [param('percent_scrolled', null, 90, null)]
            when name = 'click' then [
                param('link_url', 'https://partner.example.org/x', null, null),
                param('outbound', 'true', null, null)
            ]
            else [param('content_group', 'site', null, null)]
        end
    ) as event_params,
    case when k > 0 then moment - 5000000 end as event_previous_timestamp,
    case when name = 'purchase' then 10 + a * 200 end as event_value_in_usd,
    (hash(session, k // 3) % 10000000000)::bigint as event_bundle_sequence_id,
    (b * 1000)::bigint as event_server_timestamp_offset,
    case
        when device % 25 = 0 and (session_number > 1 or k > 2)
            then 'C' || lpad(device::varchar, 8, '0')
    end as user_id,
    (hash(device) % 10000000000)::varchar || '.' || (1756000000 + device % 1000000)::varchar
        as user_pseudo_id,
    {{
        analytics_storage: 'Yes', ads_storage: case when intent < 0.7 then 'Yes' else 'No' end,
        uses_transient_token: 'No'
    }} as privacy_info,
    case
        when device % 25 = 0 then [{{
            key: 'member_grade',
            value: {{
                string_value: one_of(['silver', 'gold', 'vip'], chance(device, 21)),
                int_value: null::bigint, float_value: null::double, double_value: null::double,
                set_timestamp_micros: moment
            }}
        }}]
        else []
    end as user_properties,
    started as user_first_touch_timestamp,
    {{revenue: intent * 100, currency: 'USD'}} as user_ltv,
    {{
        category: one_of(['mobile', 'mobile', 'desktop', 'tablet'], chance(device, 22)),
        mobile_brand_name: one_of(['Samsung', 'Apple', 'LG'], chance(device, 23)),
        mobile_model_name: one_of(['iPhone', 'SM-S921N', 'SM-F741N'], chance(device, 24)),
        mobile_marketing_name: null::varchar, mobile_os_hardware_model: null::varchar,
        operating_system: one_of(['Android', 'iOS', 'Windows', 'Macintosh'], chance(device, 25)),
        operating_system_version: '17', vendor_id: null::varchar, advertising_id: null::varchar,
        language: 'ko-kr', is_limited_ad_tracking: 'No', time_zone_offset_seconds: null::bigint,
        browser: null::varchar, browser_version: null::varchar,
        web_info: {{
            browser: one_of(['Chrome', 'Safari', 'Samsung Internet', 'Whale'], chance(device, 26)),
            browser_version: '130.0', hostname: 'shop.example.com'
        }}
    }} as device,
    {{
        city: one_of(['Seoul', 'Busan', 'Incheon', 'Daegu', '(not set)'], chance(device, 27)),
        country: 'South Korea', continent: 'Asia', region: 'Seoul', sub_continent: 'Eastern Asia',
        metro: '(not set)'
    }} as geo,
    null::struct(
        id varchar, version varchar, install_store varchar, firebase_app_id varchar,
        install_source varchar
    ) as app_info,
    {{
        name: coalesce(campaign, '(direct)'), medium: coalesce(medium, '(none)'),
        source: coalesce(source, '(direct)')
    }} as traffic_source,
    '1234567890' as stream_id,
    'WEB' as platform,
    {{hostname: 'shop.example.com'}} as event_dimensions,
    case
        when name = 'purchase' then {{
            total_item_quantity: 2::bigint, purchase_revenue_in_usd: 10 + a * 200,
            purchase_revenue: 13000 + a * 260000, refund_value_in_usd: null::double,
            refund_value: null::double, shipping_value_in_usd: 2::double,
            shipping_value: 2600::double, tax_value_in_usd: 1::double, tax_value: 1300::double,
            unique_items: 2::bigint, transaction_id: 'T' || session
        }}
    end as ecommerce,
    case
        when has_items then list_transform(range(1 + (b * 2)::int), lambda i: {{
            item_id: 'SKU' || (session * 7 + i) % 3000,
            item_name: 'Item ' || (session * 7 + i) % 3000,
            item_brand: 'Example', item_variant: null::varchar, item_category: 'Shoes',
            item_category2: null::varchar, item_category3: null::varchar,
            item_category4: null::varchar, item_category5: null::varchar, price_in_usd: 10::double,
            price: 13000::double, quantity: 1::bigint, item_revenue_in_usd: 10::double,
            item_revenue: 13000::double, item_refund_in_usd: null::double,
            item_refund: null::double, coupon: null::varchar, affiliation: null::varchar,
            location_id: null::varchar, item_list_id: null::varchar, item_list_name: null::varchar,
            item_list_index: i::varchar, promotion_id: null::varchar, promotion_name: null::varchar,
            creative_name: null::varchar, creative_slot: null::varchar,
            item_params: [param('size', '270', null, null)]
        }})
        else []
    end as items,
    case
        when k <= 1 and medium is not null then {{
            manual_campaign_id: null::varchar, manual_campaign_name: campaign,
            manual_source: source, manual_medium: medium, manual_term: null::varchar,
            manual_content: null::varchar, manual_source_platform: null::varchar,
            manual_creative_format: null::varchar, manual_marketing_tactic: null::varchar,
            gclid: case when click = 'gclid' then 'Cj0K' || hash(session) end,
            dclid: null::varchar, srsltid: null::varchar
        }}
    end as collected_traffic_source,
    true as is_active_user,
    k as batch_event_index,
    started // 1000 as batch_page_id,
    k // 3 as batch_ordering_id,
    {{
        manual_campaign: {{
            campaign_id: null::varchar, campaign_name: campaign, source: source, medium: medium,
            term: null::varchar, content: null::varchar, source_platform: null::varchar,
            creative_format: null::varchar, marketing_tactic: null::varchar
        }},
        google_ads_campaign: case when click = 'gclid' then {{
            customer_id: '1234567890', account_name: 'Example', campaign_id: '987654321',
            campaign_name: campaign, ad_group_id: '456', ad_group_name: 'brand'
        }} end,
        cross_channel_campaign: {{
            campaign_id: null::varchar, campaign_name: coalesce(campaign, '(direct)'),
            source: coalesce(source, '(direct)'), medium: coalesce(medium, '(none)'),
            source_platform: null::varchar, default_channel_group: 'Direct',
            primary_channel_group: 'Direct'
        }},
        sa360_campaign: null::{sa360}, cm360_campaign: null::{cm360}, dv360_campaign: null::{dv360}
    }} as session_traffic_source_last_click,
    null::struct(
        ad_revenue_in_usd double, ad_format varchar, ad_source_name varchar, ad_unit_id varchar
    ) as publisher,
    null::bigint as event_original_occurrence_timestamp
from copied
order by event_timestamp
"""


AD_SERVERS = {
    "sa360": "campaign_id campaign_name source medium ad_group_id ad_group_name creative_format "
    "engine_account_name engine_account_type manager_account_name",
    "cm360": "campaign_id campaign_name source medium account_id account_name advertiser_id "
    "advertiser_name creative_id creative_format creative_name creative_type creative_type_id "
    "creative_version placement_id placement_cost_structure placement_name rendering_id site_id "
    "site_name",
    "dv360": "campaign_id campaign_name source medium advertiser_id advertiser_name creative_id "
    "creative_format creative_name exchange_id exchange_name insertion_order_id "
    "insertion_order_name line_item_id line_item_name partner_id partner_name",
}


def export(folder: Path, events: int, days: int = 60) -> list[Path]:
    """Write about `events` events as `days` shards into the folder; give the files."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {
        "first_day": FIRST_DAY,
        "days": days,
        "devices": max(1000, events // EVENTS_A_DEVICE),
        "sessions": int(events / EVENTS_A_SESSION),
    }
    connection = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
    connection.execute(MACROS)
    connection.execute(SESSIONS.format(**sizes))
    structs = {
        name: f"struct({', '.join(f'{field} varchar' for field in fields.split())})"
        for name, fields in AD_SERVERS.items()
    }
    files = []
    for day in range(days):
        suffix = f"{FIRST_DAY + timedelta(days=day):%Y%m%d}"
        file = folder / f"events_{suffix}.parquet"
        hits = HITS.format(day=day, suffix=suffix, **structs)
        options = f"format parquet, compression zstd, row_group_size {ROWS_A_GROUP}"
        connection.execute(f"copy ({hits}) to '{file}' ({options})")
        files.append(file)
    return files


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("events", type=float)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--days", type=int, default=60)
    options = arguments.parse_args()
    files = export(options.folder, int(options.events), options.days)
    ((count, params),) = duckdb.sql(
        "select count(*), avg(len(event_params)) from read_parquet(?)",
        params=[[str(f) for f in files]],
    ).fetchall()
    size = sum(file.stat().st_size for file in files)
    print(
        f"{count:,} events, {params:.2f} parameters each, {size / 1e6:.0f} MB in {options.folder}"
    )


if __name__ == "__main__":
    main()
