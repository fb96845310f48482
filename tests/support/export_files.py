"""Files of the GA4 export in every shape, as Google writes them, from rows that tests say."""

import json
from pathlib import Path
from typing import Any

import duckdb

from madang.demo.ga4 import columns

Row = dict[str, Any]

EVENTS = columns()
#: Columns of the public sample of 2020, the oldest export there is.
OLD = [
    name
    for name in EVENTS
    if name
    not in ("collected_traffic_source", "is_active_user", "session_traffic_source_last_click")
    and name not in ("publisher", "event_original_occurrence_timestamp")
    and not name.startswith("batch_")
]
NUMBERS = (
    "STRUCT(key BIGINT, value STRUCT(string_value BIGINT, int_value BIGINT, float_value BIGINT, "
    "double_value BIGINT, set_timestamp_micros BIGINT))[]"
)
USERS = {
    "pseudo_user_id": "VARCHAR",
    "stream_id": "VARCHAR",
    "user_info": "STRUCT(last_active_timestamp_micros BIGINT, "
    "user_first_touch_timestamp_micros BIGINT, first_purchase_date VARCHAR)",
    "device": "STRUCT(operating_system VARCHAR, category VARCHAR)",
    "geo": "STRUCT(city VARCHAR, country VARCHAR, continent VARCHAR, region VARCHAR)",
    "audiences": "STRUCT(id BIGINT, name VARCHAR, membership_start_timestamp_micros BIGINT, "
    "membership_expiry_timestamp_micros BIGINT, npa BOOLEAN)[]",
    "user_ltv": "STRUCT(revenue_in_usd DOUBLE, sessions BIGINT, engagement_time_millis BIGINT, "
    "purchases BIGINT, engaged_sessions BIGINT, session_duration_micros BIGINT)",
    "predictions": "STRUCT(purchase_score_7d DOUBLE, churn_score_7d DOUBLE)",
    "privacy_info": "STRUCT(is_limited_ad_tracking VARCHAR, "
    "is_ads_personalization_allowed VARCHAR)",
    "last_updated_date": "VARCHAR",
}


def copy(query: str, path: Path) -> None:
    """Write a query's rows; the name of the file says in which format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    form = "parquet" if path.suffix == ".parquet" else "json"
    written = path.with_name("being-written" + (".gz" if path.suffix == ".gz" else ""))
    duckdb.sql(f"copy ({query}) to '{written}' (format {form})")
    written.replace(path)


def write(rows: list[Row], path: Path, types: dict[str, str] | None = None) -> None:
    """Write rows with the given types, or with those that their values suggest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.with_name("rows")
    lines.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    typed = ""
    if types:
        typed = ", columns = {" + ", ".join(f"'{n}': '{kind}'" for n, kind in types.items()) + "}"
    copy(f"from read_json('{lines}', format = 'newline_delimited'{typed})", path)
    lines.unlink()


def old(query: str) -> str:
    """The query's events as an export of 2020 has them: 23 columns, numbers where texts are now."""
    return (
        f"select {', '.join(OLD)} from (select * replace (cast(stream_id as bigint) as stream_id, "
        f"cast(null as {NUMBERS}) as user_properties, struct_pack(analytics_storage := "
        "cast(null as bigint), ads_storage := cast(null as bigint), uses_transient_token := "
        f"privacy_info.uses_transient_token) as privacy_info) from ({query}))"
    )


def user(name: str, day: str, key: str = "pseudo_user_id", **more: Any) -> Row:
    """A person of the tables about people, on one day."""
    return {
        key: name,
        "user_info": {"last_active_timestamp_micros": 1793458799123456},
        "geo": {"country": "South Korea"},
        "audiences": [{"id": 1, "name": "All users", "npa": False}],
        "user_ltv": {"revenue_in_usd": 12.5, "purchases": 2, "engagement_time_millis": 90500},
        "predictions": {"purchase_score_7d": 0.25},
        "privacy_info": {"is_ads_personalization_allowed": "Yes"},
        "last_updated_date": day,
        **more,
    }


def write_users(rows: list[Row], path: Path) -> None:
    """Write people as pseudonymous_users_ or users_ holds them, by the name of the file."""
    types = dict(USERS)
    if path.name.startswith("users_"):
        del types["stream_id"]
        types = {"user_id" if n == "pseudo_user_id" else n: kind for n, kind in types.items()}
    write(rows, path, types)


def hit(number: int, seconds: int, kind: str, path: str | None = None, **more: Any) -> Row:
    """A hit of Universal Analytics."""
    return {
        "hitNumber": number,
        "time": seconds * 1000,
        "type": kind,
        "isEntrance": more.pop("isEntrance", None),
        "referer": more.pop("referer", None),
        "page": {"pagePath": path, "hostname": path and "shop.example", "pageTitle": path},
        "eventInfo": more.pop("eventInfo", {"eventCategory": None, "eventAction": None}),
        "eCommerceAction": {"action_type": more.pop("action", "0"), "step": more.pop("step", None)},
        "transaction": more.pop("transaction", None),
        "product": more.pop("product", []),
        "customDimensions": more.pop("customDimensions", []),
        **more,
    }


def visit(device: str, at: int, hits: list[Row], **more: Any) -> Row:
    """A session of Universal Analytics that began at `at` (seconds)."""
    return {
        "fullVisitorId": "9" + device,
        "clientId": device,
        "visitNumber": 1,
        "visitId": at,
        "visitStartTime": at,
        "date": "20170801",
        "channelGrouping": "Organic Search",
        "totals": {"pageviews": 2, "timeOnSite": 60},
        "trafficSource": {
            "source": "google",
            "medium": "organic",
            "campaign": "(not set)",
            "adwordsClickInfo": {"gclId": None},
        },
        "device": {"deviceCategory": "mobile", "browser": "Safari", "operatingSystem": "iOS"},
        "geoNetwork": {"country": "South Korea", "city": "Seoul"},
        "customDimensions": [{"index": 1, "value": "member"}],
        "hits": hits,
        **more,
    }


CUP = {"productSKU": "S1", "v2ProductName": "Cup", "productPrice": 2_400_000, "productQuantity": 2}
HAT = {"productSKU": "S9", "v2ProductName": "Hat", "productPrice": 1_000_000, "isImpression": True}
#: A visit that sees a list, plays a video and buys.
BUYING = visit(
    "1.1",
    1501583974,
    [
        hit(
            1,
            0,
            "PAGE",
            "/list?x=1",
            isEntrance=True,
            referer="https://www.google.com/",
            product=[HAT],
            customDimensions=[{"index": 3, "value": "gold"}],
        ),
        hit(2, 5, "EVENT", "/list", eventInfo={"eventCategory": "영상", "eventAction": "Play!"}),
        hit(3, 9, "PAGE", "/cup", action="2", product=[CUP]),
        hit(
            4,
            20,
            "EVENT",
            "/cup",
            action="3",
            product=[CUP],
            eventInfo={"eventCategory": "shop", "eventAction": "add"},
        ),
        hit(5, 40, "PAGE", "/checkout", action="5", step=2),
        hit(
            6,
            60,
            "PAGE",
            "/thanks",
            action="6",
            product=[CUP, HAT],
            transaction={
                "transactionId": "T-1",
                "transactionRevenue": 4_800_000,
                "transactionTax": 480_000,
                "currencyCode": "KRW",
            },
        ),
    ],
)
