"""Copies of a hit, values of any type, items and flags, from shards to tables."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from demo_workspace import AS_OF, MARU, Tables, tables_of
from export_files import EVENTS, write
from madang.build.dbt import BuildError, run_dbt
from madang.settings.workspace import load_settings
from raw_events import SHARDS, VARIABLES

MODELS = ["+ga4_reading_notes"]
Row = tuple


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # folders have names like these, and signs of patterns in them stand for themselves
    root = tmp_path_factory.mktemp("events") / "[마케팅] CDP * 100%"
    root.mkdir()
    (root / "madang.yml").write_text(f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n")
    for name, rows in SHARDS.items():
        write(rows, root / "ga4" / f"{name}.parquet", EVENTS)
    run_dbt(load_settings(root), ["build", "--select", *MODELS], variables=VARIABLES)
    return root


@pytest.fixture(scope="module")
def tables(root: Path) -> Iterator[Tables]:
    with tables_of(root) as tables:
        yield tables


def events(tables: Tables, columns: str, condition: str) -> list[Row]:
    return tables.rows(f"""
        select {columns} from madang_staging.stg_ga4__events
        where {condition} order by event_date, event_at, page_path""")


def test_a_hit_that_was_exported_thrice_is_one_event(tables: Tables):
    assert events(tables, "page_path", "page_path = '/thrice'") == [("/thrice",)]


def test_of_copies_the_one_stays_that_says_more(tables: Tables):
    assert events(tables, "engagement_time_msec", "event_name = 'scroll'") == [(700,)]


def test_hits_of_one_batch_and_moment_are_told_by_their_place(tables: Tables):
    assert events(tables, "page_path", "event_name = 'click'") == [("/first",), ("/second",)]


def test_without_numbers_different_hits_stay_and_copies_do_not(tables: Tables):
    seen = events(tables, "page_path, hit_number", "event_name = 'view_item'")
    assert seen == [("/a", 1), ("/b", 2), ("/c", 3)]
    nobody = events(tables, "page_path, session_key", "user_pseudo_id is null")
    assert nobody == [("/x", None), ("/y", None)]
    assert len(events(tables, "event_key", "event_name = 'add_to_cart'")) == 1


def test_a_hit_of_two_shards_counts_on_both_days(tables: Tables):
    keys = events(tables, "event_key", "event_name = 'purchase'")
    assert len(keys) == len(set(keys)) == 2


def test_the_copies_are_in_what_was_written_and_nowhere_else(tables: Tables):
    written = sum(len(rows) for rows in SHARDS.values())
    assert tables.row("""
        select (select count(*) from madang_staging.base_ga4__events) as written,
            (select count(*) from madang_staging.stg_ga4__events) as events,
            (select count(distinct event_key) from madang_staging.stg_ga4__events) as keys
        """) == {"written": written, "events": written - 7, "keys": written - 7}


def test_a_run_killed_before_copies_were_told_apart_is_caught_up(root: Path, tmp_path: Path):
    """They are told apart when the events are committed, and the ledger has the days after that."""
    killed = tmp_path / "killed"
    shutil.copytree(root, killed)
    said = "select * from madang_staging.base_ga4__events"
    with tables_of(killed) as tables:
        events = sorted(tables.rows(said), key=str)
    with duckdb.connect(killed / "warehouse.duckdb") as connection:
        connection.execute("""
            update madang_staging.base_ga4__events set hit_number = null where hit_number <> 1;
            delete from madang_ledger.ga4_built_days where model = 'base_ga4__events'""")
    run_dbt(load_settings(killed), ["run", "--select", *MODELS], variables=VARIABLES)
    with tables_of(killed) as tables:
        assert sorted(tables.rows(said), key=str) == events


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("as_text", (12, 0.5, "x")),
        ("as_number", (12, 1.0, "45000")),
        ("as_double", (12, 0.25, "45000")),
        ("as_float", (3, 2.5, None)),
        ("as_words", (None, None, "")),
        ("as_nothing", (None, None, None)),
        ("key_twice", (None, None, "first")),
        ("kept", (None, None, None)),
    ],
)
def test_a_parameter_has_its_type_whatever_it_came_as(tables: Tables, name: str, expected: Row):
    assert events(tables, "score, ratio, label", f"event_name = '{name}'") == [expected]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nan", (None, None, None, None)),
        ("nan_doubles", (None, None, None, None)),
        ("infinite", (None, None, None, None)),
        ("absurd", (None, None, None, None)),
        ("spelt", (12, -1500.0, None, None)),
    ],
)
def test_what_is_no_number_is_null(tables: Tables, name: str, expected: Row):
    assert events(tables, "score, ratio, value, label", f"event_name = '{name}'") == [expected]


def test_no_number_of_the_record_or_of_an_item_spoils_a_sum(tables: Tables):
    assert events(tables, "purchase_revenue, refund_value", "event_name = 'view_item_list'") == [
        (None, None)
    ]
    assert tables.rows("""
        select price, item_revenue, quantity from madang_staging.stg_ga4__items
        where item_id = 'NAN'""") == [(None, None, None)]


def test_a_session_id_is_read_in_every_form_of_the_cookie(tables: Tables):
    found = events(tables, "ga_session_id", "event_name like 'cookie%'")
    assert found == [(1790000001,)] * 6 + [(None,)] * 2


def test_the_path_of_a_page_is_found_in_any_spelling(tables: Tables):
    found = events(tables, "page_location, page_path", "event_name = 'path'")
    assert {path for _, path in found} == {"/Models/Maru3", "/", None}
    assert [path for _, path in found].count("/") == 2


def test_a_parameter_without_a_value_tells_no_hits_apart(tables: Tables):
    assert len(events(tables, "event_key", "event_name = 'bare'")) == 1


def test_an_event_says_itself_what_was_not_understood(tables: Tables):
    found = dict(events(tables, "event_name, reading_notes", "reading_notes is not null"))
    assert found["as_words"] == "score:not_a_number ratio:not_a_number "
    assert found["view_item_list"] == "purchase_revenue:not_finite refund_value:not_finite "
    assert (
        found["personal"]
        == "user_id:personal_data page_location:personal_data label:personal_data "
    )
    assert "page_view" not in found


def test_what_was_not_understood_or_masked_is_counted_without_its_value(tables: Tables):
    noted = tables.rows("""
        select noted_of, field, cause, occurrences from madang_staging.ga4_reading_notes
        where event_date = date '2026-10-30' order by all""")
    personal = {
        field for of, field, cause, _ in noted if cause == "personal_data" and of == "event"
    }
    assert personal == {
        *("page_location", "label", "user_id"),
        *("param_source", "param_medium", "param_campaign", "method", "param_transaction_id"),
        *("ecommerce_transaction_id", "collected_source", "collected_campaign_id"),
        *("collected_campaign", "last_click_source", "last_click_campaign", "user_grade"),
    }
    assert [row for row in noted if row[2] != "personal_data"] == [
        ("event", "ga_session_id", "not_a_number", 2),
        ("event", "purchase_revenue", "not_finite", 1),
        ("event", "ratio", "not_a_number", 1),
        ("event", "ratio", "not_finite", 3),
        ("event", "ratio", "too_large", 1),
        ("event", "refund_value", "not_finite", 1),
        ("event", "score", "not_a_number", 1),
        ("event", "score", "not_finite", 2),
        ("event", "score", "too_large", 1),
        ("event", "user_visits", "not_a_number", 1),
        ("event", "value", "not_a_number", 2),
        ("event", "value", "not_finite", 2),
        ("item", "item_revenue", "not_finite", 1),
        ("item", "price", "not_finite", 1),
        ("item", "quantity", "too_large", 1),
    ]
    assert [row for row in noted if row[0] == "item" and row[2] == "personal_data"] == [
        ("item", "coupon", "personal_data", 1),
        ("item", "item_name", "personal_data", 1),
    ]


def test_what_the_project_asks_for_becomes_columns(tables: Tables):
    columns = "user_grade, user_visits, language, app_version"
    assert events(tables, columns, "event_name = 'kept'") == [("gold", 3, "ko-kr", None)]


def test_internal_debug_and_server_side_hits_are_flagged(tables: Tables):
    flags = "event_name, is_internal, is_debug, is_measurement_protocol"
    names = "event_name in ('office', 'tester', 'server')"
    assert events(tables, flags, names) == [
        ("office", True, False, False),
        ("tester", False, True, False),
        ("server", False, False, True),
    ]


def test_personal_data_is_in_no_table(tables: Tables):
    columns = "page_location, label, starts_with(user_id, 'masked:'), has_personal_data"
    assert events(tables, columns, "event_name = 'personal'") == [
        ("https://shop.example/?e=(email)", "(phone)", True, True)
    ]
    assert events(tables, "event_name", "has_personal_data") == [("personal",), ("leaks",)]
    for table in ("base_ga4__events", "stg_ga4__items"):
        everything = tables.rows(f"from madang_staging.{table}")
        leaks = ("b.kr", "1234-5678", "12345678", "850101")
        assert not [row for row in everything if any(leak in str(row) for leak in leaks)]


def test_every_text_from_outside_is_looked_through(tables: Tables):
    columns = "param_source, param_medium, param_campaign, method, transaction_id"
    assert events(tables, columns, "event_name = 'leaks'") == [
        ("(email)", "mail (phone)", "(email)", "(national_id)", "(phone)")
    ]
    columns = "collected_source, collected_campaign_id, collected_campaign, user_grade"
    assert events(tables, columns, "event_name = 'leaks'") == [
        ("(email)", "(phone)", "for (email)", "(email)")
    ]
    columns = "last_click_source, last_click_campaign"
    assert events(tables, columns, "event_name = 'leaks'") == [("(email)", "(phone)")]
    assert tables.rows("""
        select item_name, coupon, has_personal_data from madang_staging.stg_ga4__items
        where item_id in ('MAIL', 'NAN') order by item_number""") == [
        (None, None, False),
        ("for (email)", "(phone)", True),
    ]


def test_items_are_those_of_the_event_and_of_no_copy(tables: Tables):
    found = tables.rows("""
        select event.event_name, event.event_date::text, event.page_path, item_number, item_id,
            price, quantity, size, rank
        from madang_staging.stg_ga4__items
        inner join madang_staging.stg_ga4__events as event using (event_key)
        order by event.event_date, event.event_at, event.page_path, item_number""")
    cup, hat = ("CUP", 9.5, 2, None, None), ("HAT", None, None, "M", 3)
    assert found == [
        ("view_item", "2026-10-30", "/a", 1, *cup),
        ("view_item", "2026-10-30", "/b", 1, *hat),
        ("view_item", "2026-10-30", "/b", 2, *cup),
        ("add_to_cart", "2026-10-30", "/cart", 1, *cup),
        ("purchase", "2026-10-30", "/bought", 1, *hat),
        ("purchase", "2026-10-30", "/bought", 2, *cup),
        ("view_item_list", "2026-10-30", None, 1, "NAN", None, None, None, None),
        ("view_item_list", "2026-10-30", None, 2, "MAIL", None, None, None, None),
        ("purchase", "2026-10-31", "/bought", 1, *hat),
        ("purchase", "2026-10-31", "/bought", 2, *cup),
    ]
    assert tables.value("select count(*) from madang_staging.stg_ga4__items") == len(found)


def test_a_field_that_the_export_does_not_have_is_refused(root: Path):
    with pytest.raises(BuildError, match="var\\('ga4_fields'\\) names 'langauge'"):
        run_dbt(
            load_settings(root),
            ["compile", "--select", "base_ga4__events"],
            variables={"ga4_fields": ["langauge"]},
        )
