"""The demo company's files: complete, repeatable, restated with time, and nobody's real data."""

import hashlib
import json
import re
from datetime import datetime
from pathlib import Path

import duckdb
import fastavro
import openpyxl
import pytest
import yaml

from madang.demo import DemoError, DemoSummary, generate
from madang.demo.ga4 import columns

PEOPLE = 300
DAYS = 12
EARLIER = datetime.fromisoformat("2026-10-30T15:00:00+09:00")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> DemoSummary:
    return generate(tmp_path_factory.mktemp("demo"), people=PEOPLE, days=DAYS)


def _digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _events(root: Path, pattern: str = "*.parquet") -> str:
    return f"read_parquet('{root}/ga4/{pattern}')"


def _param(key: str, kind: str = "string_value") -> str:
    return f"list_filter(event_params, lambda p: p.key = '{key}')[1].value.{kind}"


def _one(sql: str) -> tuple:
    (row,) = duckdb.sql(sql).fetchall()
    return row


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path):
    for name, seed in (("one", 7), ("two", 7), ("other", 8)):
        generate(tmp_path / name, people=120, days=4, seed=seed)
    one, two, other = (_digests(tmp_path / name) for name in ("one", "two", "other"))
    assert one == two
    shards = [name for name in one if name.startswith("ga4/")]
    assert len(shards) == 5
    assert all(one[name] != other[name] for name in shards)


def test_the_workspace_has_every_file_a_company_would_have(company: DemoSummary):
    found = {str(path.relative_to(company.out)) for path in company.out.rglob("*.*")}
    assert {
        "madang.yml",
        "ga4/events_20261020.parquet",
        "ga4/events_20261031.parquet",
        "ga4/events_intraday_20261101.parquet",
        "inbox/crm/고객명부_20261020.xlsx",
        "inbox/crm/고객명부_20261101.xlsx",
        "inbox/consent/consent_log_history.csv",
        "inbox/consent/consent_log_202610.csv",
        "inbox/shop/orders_202610.csv",
        "inbox/offline/outcomes_202610.ndjson",
        "inbox/inquiries/inquiries.csv",
        "inbox/notices/notices.csv",
    } <= found
    ads = {name.split("/")[-1].split("_2026")[0] for name in found if name.startswith("inbox/ads")}
    assert ads == {"google_ads", "meta", "naver", "kakao", "tiktok"}
    assert len([name for name in found if name.startswith("ga4/")]) == DAYS + 1
    settings = yaml.safe_load((company.out / "madang.yml").read_text(encoding="utf-8"))
    assert settings["as_of"] == datetime.fromisoformat("2026-11-01T12:00:00+09:00")
    assert not list(company.out.glob(".demo-*")), "scratch files were left behind"


def test_every_shard_has_the_31_columns_of_2026_with_their_types(company: DemoSummary):
    assert len(columns()) == 31
    for shard in (company.out / "ga4").iterdir():
        described = duckdb.sql(f"describe from '{shard}'").fetchall()
        assert [row[0] for row in described] == list(columns())
        expected = duckdb.sql(
            "describe select " + ", ".join(f'null::{t} as "{n}"' for n, t in columns().items())
        ).fetchall()
        assert [row[1] for row in described] == [row[1] for row in expected], shard.name


def test_a_shard_holds_its_own_day_in_the_property_time_zone(company: DemoSummary):
    wrong = _one(f"""
        select count(*) from read_parquet('{company.out}/ga4/*.parquet', filename = true)
        where strftime(make_timestamp(event_timestamp + 32400000000), '%Y%m%d') != event_date
            or not contains(filename, event_date)
    """)
    assert wrong == (0,)
    # Between midnight and nine in Seoul the UTC date is yesterday's: such events must exist.
    early = "strftime(make_timestamp(event_timestamp), '%Y%m%d') != event_date"
    assert _one(f"select count(*) from {_events(company.out)} where {early}")[0] > 0


@pytest.mark.parametrize(
    ("quirk", "query"),
    [
        (
            "rows that are exactly equal",
            "select count(*) - count(distinct e) from {events} as e",
        ),
        (
            "three events on one microsecond, told apart by their place in the batch",
            """select count(*) from (
                select 1 from {events} where user_pseudo_id is not null
                group by user_pseudo_id, event_timestamp
                having count(distinct event_name) = 3 and count(distinct batch_event_index) = 3
            )""",
        ),
        (
            "consent declined: no ids at all",
            """select count(*) from {events}
            where privacy_info.analytics_storage = 'No' and user_pseudo_id is null
                and len(list_filter(event_params, lambda p: p.key = 'ga_session_id')) = 0""",
        ),
        (
            "sessions over midnight",
            """select count(*) from (
                select 1 from {events} where user_pseudo_id is not null
                group by user_pseudo_id, {session} having count(distinct event_date) = 2
            )""",
        ),
        (
            "a parameter that is a number in some rows and text in others",
            "select least(count({step_text}), count({step_int})) from {events}",
        ),
        ("keys without any value", "select count(*) from {events} where {has_empty_gclid}"),
        (
            "placeholders instead of a transaction id",
            """select count(*) from {events}
            where event_name = 'purchase' and ecommerce.transaction_id = '(not set)'""",
        ),
        (
            "refunds by the shop's server: whole orders, without items",
            """select count(*) from {events}
            where event_name = 'refund' and {session} is null and user_pseudo_id is not null
                and ecommerce.refund_value > 0 and ecommerce.transaction_id != '(not set)'
                and len(items) = 0""",
        ),
        (
            "refunds of one item",
            """select count(*) from {events}
            where event_name = 'refund' and len(items) = 1
                and items[1].item_refund = ecommerce.refund_value""",
        ),
        (
            "purchases in the money of another country",
            """select count(*) from {events}
            where event_name = 'purchase' and {currency} in ('USD', 'JPY')""",
        ),
        (
            "views that a page reported twice within a second",
            """select count(*) from (
                select event_timestamp - lag(event_timestamp) over (
                    partition by user_pseudo_id, {session}, {page} order by event_timestamp) as gap
                from (select distinct e.* from {events} as e) as e
                where event_name = 'page_view')
            where gap between 1 and 999999""",
        ),
        (
            "visits from Naver's cafés and from KakaoTalk",
            """select least(
                count(*) filter (collected_traffic_source.manual_source = 'cafe.naver.com'),
                count(*) filter (collected_traffic_source.manual_source = 'com.kakao.talk'),
                count(*) filter (collected_traffic_source.manual_source = 'pf.kakao.com'))
            from {events}""",
        ),
        (
            "visits whose link names a campaign of Braze",
            """select count(*) from {events}
            where collected_traffic_source.manual_campaign_name similar to 'email_w\\d\\d'""",
        ),
        (
            "visits whose link names it in other words",
            """select count(*) from {events}
            where collected_traffic_source.manual_campaign_name = 'newsletter_autumn'""",
        ),
        (
            "colleagues on another host",
            "select count(*) from {events} where device.web_info.hostname = 'dev.maru.example'",
        ),
        (
            "a robot",
            "select count(*) from {events} where device.web_info.browser = 'HeadlessChrome'",
        ),
        (
            "daily sessions that GA4 attributed to nothing",
            """select count(*) from {daily}
            where user_pseudo_id is not null and session_traffic_source_last_click is null""",
        ),
    ],
)
def test_the_export_has_the_quirks_of_a_real_one(tmp_path_factory, quirk: str, query: str):
    company = _bigger_company(tmp_path_factory)
    names = {
        "events": _events(company.out),
        "daily": _events(company.out, "events_2*.parquet"),
        "session": _param("ga_session_id", "int_value"),
        "currency": _param("currency"),
        "page": _param("page_location"),
        "step_text": _param("step"),
        "step_int": _param("step", "int_value"),
        "has_empty_gclid": "len(list_filter(event_params, "
        "lambda p: p.key = 'gclid' and p.value.string_value is null)) > 0",
    }
    assert _one(query.format(**names))[0] > 0, quirk


_bigger: list[DemoSummary] = []


def _bigger_company(factory: pytest.TempPathFactory) -> DemoSummary:
    if not _bigger:
        _bigger.append(generate(factory.mktemp("bigger"), people=2000, days=30))
    return _bigger[0]


def test_the_intraday_shard_knows_no_attribution_yet(company: DemoSummary):
    intraday = _events(company.out, "events_intraday_*.parquet")
    daily = _events(company.out, "events_2*.parquet")
    late = "session_traffic_source_last_click is not null or user_ltv is not null"
    assert _one(f"select count(*) from {intraday}")[0] > 0
    assert _one(f"select count(*) from {intraday} where {late}") == (0,)
    group = "session_traffic_source_last_click.cross_channel_campaign.default_channel_group"
    filled = _one(
        f"select count({group}) / count(*) from {daily} where user_pseudo_id is not null"
    )[0]
    assert 0.90 < filled < 0.99


def test_user_id_is_there_from_the_login_to_the_end_of_the_session_only(company: DemoSummary):
    session = _param("ga_session_id", "int_value")
    wrong = _one(f"""
        with e as (
            select *, {session} as session_id,
                min(event_timestamp) filter (event_name = 'login')
                    over (partition by user_pseudo_id, {session}) as login_at,
                -- Somebody whom the browser kept logged in is there from the first page on.
                min(event_timestamp) filter (event_name = 'page_view' and user_id is not null)
                    over (partition by user_pseudo_id, {session}) as known_at
            from {_events(company.out)}
            where user_pseudo_id is not null
                and event_name not in ('session_start', 'first_visit', 'refund')
        )
        select
            count(*) filter (
                (user_id is not null) != coalesce(
                    event_timestamp >= coalesce(login_at, known_at), false)
                and not (event_name = 'purchase' and user_id is null)
            ),
            count(user_id),
            count(distinct session_id) filter (login_at is null and user_id is not null)
        from e
    """)
    assert wrong[0] == 0
    assert wrong[1] > 0
    assert wrong[2] > 0


def test_what_was_late_is_restated_and_the_intraday_shard_becomes_a_day(tmp_path: Path):
    earlier = generate(tmp_path, people=PEOPLE, days=DAYS, until=EARLIER)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "ga4").iterdir()}
    early_rows = _rows_by_day(tmp_path)
    assert earlier.until == EARLIER
    assert "events_intraday_20261030.parquet" in before
    assert "events_20261031.parquet" not in before

    generate(tmp_path, people=PEOPLE, days=DAYS)

    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "ga4").iterdir()}
    late_rows = _rows_by_day(tmp_path)
    assert "events_intraday_20261030.parquet" not in after
    assert "events_20261030.parquet" in after
    grown = {day for day in early_rows if late_rows[day] > early_rows[day]}
    assert "20261030" in grown
    assert grown & {"20261028", "20261029"}, "nothing came late"
    assert not {day for day in early_rows if late_rows[day] < early_rows[day]}
    # Days that were final keep their file, so that a partition ledger sees no change.
    untouched = {name for name in before if name in after and before[name] == after[name]}
    assert {f"events_202610{day}.parquet" for day in range(20, 27)} <= untouched


def test_looking_later_gives_the_files_of_looking_late_at_once(tmp_path: Path):
    generate(tmp_path / "twice", people=150, days=5, until=EARLIER)
    generate(tmp_path / "twice", people=150, days=5)
    generate(tmp_path / "once", people=150, days=5)
    twice, once = _digests(tmp_path / "twice"), _digests(tmp_path / "once")
    only_once = {name: twice.get(name) for name in once}
    assert only_once == once
    # What an earlier look leaves behind are uploads of that day, as in a real inbox.
    left = {name.split("/")[0] for name in twice.keys() - once.keys()}
    assert left <= {"inbox"}


def test_another_company_replaces_the_one_that_was_there(tmp_path: Path):
    generate(tmp_path, people=150, days=8)
    (tmp_path / "warehouse.duckdb").write_text("not ours")
    generate(tmp_path, people=150, days=4, seed=3)
    assert len(list((tmp_path / "ga4").iterdir())) == 5
    assert (tmp_path / "warehouse.duckdb").exists()


def test_the_workbook_looks_as_a_marketer_left_it(company: DemoSummary):
    sheet = openpyxl.load_workbook(max((company.out / "inbox/crm").iterdir())).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][0].startswith("마루모터스 고객명부")
    assert rows[2] == ("고객번호", "이름", "휴대폰", "이메일", "등급", "지역", "가입일")
    assert rows[-1][0] == "합계"
    data = rows[3:-1]
    assert len(data) == company.customers + 6
    assert any(isinstance(row[2], int) and 100_0000000 <= row[2] < 102_0000000 for row in data)
    assert any(isinstance(row[6], datetime) for row in data)
    assert any(isinstance(row[6], str) for row in data)
    assert any(re.search("[ᄀ-ᇿ]", row[1]) for row in data), "no decomposed name"


def test_the_rows_that_cannot_be_read_are_listed_where_they_stand(company: DemoSummary):
    rejects = duckdb.sql(f"from '{company.out}/truth/expected_rejects.parquet'").fetchall()
    assert len(rejects) == 8
    headers = {"phone": 2, "registered_at": 6}
    for file, row, field, value in rejects:
        path = company.out / "inbox" / file
        if file.endswith(".xlsx"):
            sheet = openpyxl.load_workbook(path).active
            assert sheet.cell(row, headers[field] + 1).value == value
        else:
            assert value in path.read_text(encoding="utf-8").splitlines()[row - 1]


def _csv(root: Path, pattern: str) -> str:
    return f"read_csv('{root}/inbox/{pattern}', header = true, all_varchar = true)"


def test_a_guest_mistypes_the_own_name_now_and_then(tmp_path_factory):
    root = _bigger_company(tmp_path_factory).out
    given = duckdb.sql(f"""
        select any_value(name), count(customer_no) from {_csv(root, "shop/*.csv")}
        where order_id in (
            select order_id from '{root}/truth/orders.parquet' where is_name_mistyped)
        group by order_id""").fetchall()
    assert given
    assert all(re.fullmatch("[가-힣]{3}", name) and not number for name, number in given)


@pytest.mark.parametrize(
    ("what", "query"),
    [
        ("a consent without a number", "select count(*) from {showroom} where status = 'granted'"),
        ("an order that lost one item", "select count(*) from {shrunk}"),
        ("an inquiry about an order", "select count(order_id) from {inquiries}"),
        ("an inquiry about an application", "select count(application_id) from {inquiries}"),
        ("three levels", "select least(count(category_2), count(category_3)) from {inquiries}"),
        ("merged", "select count(merged_into) from {inquiries} where status = 'merged'"),
        ("reopened", "select count(*) from {inquiries} where status = 'reopened'"),
        ("no mail, says Salesforce", "select count(*) from {contacts} where HasOptedOutOfEmail"),
        ("no call, says Salesforce", "select count(*) from {contacts} where DoNotCall"),
        ("nothing, says Salesforce", "select count(*) from {people} where HasOptedOutSolicit"),
        ("churn", "select count(*) from {outcomes} where status = '해지'"),
        ("a product of its own", "select count(*) from {outcomes} where product = 'care_plan'"),
    ],
)
def test_the_files_have_what_companies_live_with(tmp_path_factory, what: str, query: str):
    root = _bigger_company(tmp_path_factory).out
    orders = _csv(root, "shop/*.csv")
    names = {
        "showroom": _csv(root, "consent/showroom_*.csv"),
        "inquiries": _csv(root, "inquiries/*.csv"),
        "contacts": _csv(root, "salesforce/contacts_*.csv"),
        "people": _csv(root, "salesforce/individuals_*.csv"),
        "shrunk": f"""(
            select 1 from {orders} where status = 'paid'
            group by order_id having count(distinct amount) = 2)""",
        "outcomes": f"""(
            select * from read_json('{root}/inbox/offline/*.ndjson', format = 'newline_delimited',
                ignore_errors = true))""",
    }
    assert _one(query.format(**names))[0] > 0, what
    log = _csv(root, "consent/showroom_*.csv")
    assert "consent_id" not in duckdb.sql(f"from {log} limit 0").columns


def test_currents_files_are_laid_out_as_braze_lays_them_out(company: DemoSummary):
    root = company.out / "inbox/braze"
    shape = re.compile(
        r"dataexport\.[\w-]+\.S3\.integration\.\w+/event_type=users\.[\w.]+/"
        r"date=\d{4}-\d\d-\d\d-\d\d/\d+/\w+/dataexport\.[\w.-]+\+\d+\+\d+\.avro"
    )
    seen: dict[str, list[dict]] = {}
    for path in root.rglob("*.avro"):
        assert shape.fullmatch(str(path.relative_to(root))), path
        event_type = re.search("event_type=([^/]+)", str(path)).group(1)
        with path.open("rb") as file:
            seen.setdefault(event_type, []).extend(fastavro.reader(file))
    sends = seen["users.messages.email.Send"]
    deliveries = seen["users.messages.email.Delivery"]
    assert {row["id"] for row in sends} and len(deliveries) <= len(sends) * 1.1
    customers = {row["external_user_id"] for row in sends}
    assert all(re.fullmatch(r"C\d{6}", customer) for customer in customers)
    everything = [row["id"] for rows in seen.values() for row in rows]
    assert len(set(everything)) < len(everything), "nothing was delivered twice"
    assert any(row["machine_open"] for row in seen["users.messages.email.Open"])
    assert any(row["is_suspected_bot_click"] for row in seen["users.messages.email.Click"])


#: No part of an id or a hash.
PHONE = r"(?<![0-9A-Za-z_.-])(?:0|\+82|82-)?10[-. ]?\d{4}[-. ]?\d{4}(?![0-9A-Za-z_.-])"


def test_nobody_and_nothing_in_it_can_be_real(company: DemoSummary):
    texts = _all_text(company.out)
    assert len(texts) > 100_000
    for address in set(re.findall(r"[\w.+-]+@[\w.-]+", texts)):
        assert address.lower().rstrip(".").endswith(".example"), address
    own = re.compile(r"(^|\.)(maru|carnews|map)\.example$")
    # Search engines and networks are named as the origin of a visit, and nothing else is.
    origins = {"search.naver.com", "m.search.naver.com", "www.google.com", "l.facebook.com"}
    origins |= {"l.instagram.com", "blog.naver.com", "cafe.naver.com", "kin.naver.com"}
    origins |= {"m.naver.com", "pf.kakao.com", "chatgpt.com", "www.tiktok.com"}
    for host in set(re.findall(r"https?://([\w.-]+)", texts)):
        assert host in origins or own.search(host), host
    phones = set(re.findall(PHONE, texts))
    assert len(phones) > 100
    for phone in phones:
        digits = re.sub(r"\D", "", phone)
        assert digits[-8] in "01", phone


def _all_text(root: Path) -> str:
    parts = []
    for path in root.rglob("*"):
        if path.suffix in {".csv", ".ndjson"}:
            parts.append(path.read_text(encoding="utf-8"))
        elif path.suffix == ".xlsx":
            for row in openpyxl.load_workbook(path).active.iter_rows(values_only=True):
                parts.append(" ".join(str(value) for value in row))
        elif path.suffix == ".avro":
            with path.open("rb") as file:
                parts += [json.dumps(row, ensure_ascii=False) for row in fastavro.reader(file)]
    parts += [
        row[0]
        for row in duckdb.sql(f"""
            select distinct p.value.string_value
            from (select unnest(event_params) as p from {_events(root)})
            where p.value.string_value like '%.%'
        """).fetchall()
    ]
    parts += [
        row[0]
        for row in duckdb.sql(
            f"select identifier_value from '{root}/truth/identifiers.parquet'"
        ).fetchall()
    ]
    return "\n".join(parts)


def _rows_by_day(root: Path) -> dict[str, int]:
    return dict(
        duckdb.sql(f"select event_date, count(*) from {_events(root)} group by 1").fetchall()
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"people": 5}, "between 100 and"),
        ({"people": 200, "days": 1}, "between 3 and 730 days"),
        ({"people": 200, "until": datetime(2026, 10, 30)}, "no time zone"),
        (
            {"people": 200, "until": datetime.fromisoformat("2027-01-01T00:00:00+09:00")},
            "nothing to look at",
        ),
    ],
)
def test_a_company_that_cannot_be_made_says_what_to_change(tmp_path, arguments, says):
    with pytest.raises(DemoError, match=says) as error:
        generate(tmp_path / "never", **arguments)
    assert error.value.fix
    assert not (tmp_path / "never").exists()
