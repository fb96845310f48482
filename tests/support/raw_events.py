"""Events as the GA4 export has them, from the little that a test says of each."""

from typing import Any

from export_files import Row

FIRST = 1793286000000000  # 30 October 2026, 00:00 in Seoul
DAY = "20261030"


def value_of(value: Any) -> Row:
    """A parameter's value in the field of its type; a whole structure stays as it is."""
    if isinstance(value, dict):
        return value
    if isinstance(value, float):
        return {"double_value": value}
    return {"int_value" if isinstance(value, int) else "string_value": value}


def listed(values: dict[str, Any]) -> list[Row]:
    """Keys and values as the export lists them."""
    return [{"key": key, "value": value_of(value)} for key, value in values.items()]


def event(name: str = "page_view", at: int = 0, *, day: str = DAY, **more: Any) -> Row:
    """An event `at` seconds into the day; `params` and `user_properties` are plain mappings."""
    params = more.pop("params", {})
    properties = more.pop("user_properties", {})
    return {
        "event_date": day,
        "event_timestamp": FIRST + at * 1_000_000,
        "event_name": name,
        "event_params": listed({"ga_session_id": 1793286000, **params}),
        "user_properties": listed(properties),
        "user_pseudo_id": "1.1",
        "stream_id": "7",
        "platform": "WEB",
        "event_bundle_sequence_id": 5,
        "device": {"category": "mobile", "language": "ko-kr"},
        **more,
    }


def of_batch(name: str, at: int, index: int, **more: Any) -> Row:
    """An event of an export that numbers the events of a batch (since July 2024)."""
    numbers = {"batch_page_id": 9, "batch_ordering_id": 1, "batch_event_index": index}
    return event(name, at, **numbers, **more)


def page(address: str, **more: Any) -> Row:
    return {"page_location": f"https://shop.example/{address}", **more}


CUP = {"item_id": "CUP", "item_name": "Cup", "price": 9.5, "quantity": 2}
HAT = {"item_id": "HAT", "item_params": listed({"size": "M", "rank": 3})}

#: How the session 1790000001 is named by a website that reads the cookie; the last two are none.
COOKIES = (
    "1790000001",
    "s1790000001$o5$g1$t1790000400$j36$l0$h0",
    "GS2.1.s1790000001$o5$g1$t1790000400$j36$l0$h0",
    "GS1.1.1790000001.5.1.1790000400.0.0.0",
    "s1790000001%24o5%24g1",
    "1790000001.0",
    "t1790000001",
    "GS3",
)
#: What each shard holds.
SHARDS: dict[str, list[Row]] = {
    f"events_{DAY}": [
        # copies of one hit: three alike, and two of which one says more
        *[of_batch("page_view", 10, 1, params=page("thrice"))] * 3,
        of_batch("scroll", 20, 1, params=page("twice")),
        of_batch("scroll", 20, 1, params=page("twice", engagement_time_msec=700)),
        # one moment, one bundle, other places in the batch
        of_batch("click", 30, 1, params=page("first")),
        of_batch("click", 30, 2, params=page("second")),
        # the same without numbers: different hits, and one of them three times
        event("view_item", 40, params=page("a"), items=[CUP]),
        event("view_item", 40, params=page("b"), items=[HAT, CUP]),
        *[event("view_item", 40, params=page("c"))] * 3,
        *[event("add_to_cart", 50, params=page("cart"), items=[CUP])] * 2,
        # nobody's hits, told apart by their parameters alone
        event("page_view", 60, params=page("x", ga_session_id=None), user_pseudo_id=None),
        event("page_view", 60, params=page("y", ga_session_id=None), user_pseudo_id=None),
        # a copy of what the next day has too
        of_batch("purchase", 70, 3, params=page("bought"), items=[HAT, CUP]),
        # types
        event("as_text", 80, params={"score": "12", "ratio": "0.5", "label": "x"}),
        event("as_number", 81, params={"score": 12, "ratio": 1, "label": 45000}),
        event("as_double", 82, params={"score": 11.5, "ratio": 0.25, "label": 45000.0}),
        event("as_float", 83, params={key: {"float_value": 2.5} for key in ("score", "ratio")}),
        event("as_words", 84, params={"score": "12.5", "ratio": "many", "label": ""}),
        event("as_nothing", 85, params={key: {} for key in ("score", "ratio", "label")}),
        event(
            "key_twice",
            86,
            event_params=[*listed({"label": "first"}), *listed({"label": "second"})],
        ),
        # what a project asks for, and who did it
        # numbers that are none: as texts, as doubles, in the record, of a user, of an item
        event("nan", 100, params={"score": "NaN", "ratio": "NaN", "value": "Infinity"}),
        event(
            "nan_doubles",
            101,
            params={key: {"double_value": "NaN"} for key in ("score", "ratio", "value", "label")},
            user_properties={"visits": "many"},
        ),
        event("infinite", 102, params={key: {"double_value": "-Infinity"} for key in ("ratio",)}),
        event("absurd", 103, params={"ratio": 10**17, "value": "1e20", "score": 1e30}),
        event("spelt", 104, params={"ratio": " -1.5e3 ", "score": "12.0", "value": "1_000"}),
        event(
            "view_item_list",
            105,
            ecommerce={"purchase_revenue": "NaN", "refund_value": "Infinity"},
            items=[
                {"item_id": "NAN", "price": "NaN", "item_revenue": "Infinity", "quantity": 10**18},
                {"item_id": "MAIL", "item_name": "for c@b.kr", "coupon": "010-1234-5678"},
            ],
        ),
        # session ids in the forms of the cookie
        *[
            event(f"cookie_{number}", 110 + number, params={"ga_session_id": text})
            for number, text in enumerate(COOKIES)
        ],
        # addresses of pages as servers write them
        event("path", 130, params={"page_location": "HTTPS://WWW.Maru.Example/Models/Maru3?x=1"}),
        event("path", 131, params={"page_location": "https://www.maru.example?utm_source=x"}),
        event("path", 132, params={"page_location": "http://www.maru.example#top"}),
        event("path", 133, params={"page_location": "/models"}),
        # one hit twice, a parameter without a value written in both ways
        event("bare", 140, event_params=[{"key": "label", "value": None}]),
        event("bare", 140, event_params=[{"key": "label", "value": {}}]),
        # personal data everywhere else
        event(
            "leaks",
            150,
            params={
                "source": "kim@b.kr",
                "medium": "mail 010 1234 5678",
                "campaign": "crm_kim%2540b.kr",
                "method": "850101-1234567",
                "transaction_id": "01012345678",
            },
            ecommerce={"transaction_id": "01012345678"},
            collected_traffic_source={
                "manual_source": "kim@b.kr",
                "manual_campaign_id": "010-1234-5678",
                "manual_campaign_name": "for kim@b.kr",
            },
            session_traffic_source_last_click={
                "manual_campaign": {"source": "kim@b.kr", "campaign_name": "01012345678"}
            },
            user_properties={"grade": "kim@b.kr"},
        ),
        event("kept", 90, user_properties={"grade": "gold", "visits": "3"}, app_info=None),
        event("office", 91, params=page("", traffic_type="internal")),
        event("tester", 92, params=page("", debug_mode=1)),
        event("server", 93),
        event("personal", 94, params=page("?e=a%40b.kr", label="010-1234-5678"), user_id="A@b.kr"),
    ],
    "events_20261031": [
        of_batch("purchase", 70, 3, day="20261031", params=page("bought"), items=[HAT, CUP]),
    ],
}
VARIABLES = {
    "ga4_params": {"score": "int64", "ratio": "float64", "label": "string"},
    "ga4_user_properties": {"grade": "string", "visits": "int64"},
    "ga4_item_params": {"size": "string", "rank": "int64"},
    "ga4_fields": ["language", "app_version"],
}
