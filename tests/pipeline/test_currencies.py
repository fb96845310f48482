"""Orders in several currencies, from the files and the export to the marts, without rates and with.

A person orders for 100 USD and 130,000 KRW; the website sells in USD, usd and EUR, takes one item
back, and sends most of a day in debug mode.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo_workspace import AS_OF, Ended, copied_project, madang, tables_of
from export_files import write
from raw_events import DAY, event

CRM = [["고객번호", "이름", "휴대폰"], ["K5", "박하늘", "010-1234-5605"]]
ORDERS = [
    ["order_id", "customer_no", "status", "ordered_at", "amount", "currency"],
    ["O3", "K5", "paid", "2026-10-10T10:00:00+09:00", "100", "USD"],
    ["O4", "K5", "paid", "2026-10-11T10:00:00+09:00", "130000", "KRW"],
]
RATES = [
    ["rate_date", "from_currency", "to_currency", "rate"],
    ["2026-10-09", "USD", "KRW", "1400"],
    ["2026-10-11", "USD", "KRW", "9999"],  # of the day after the order
    ["2026-10-30", "USD", "KRW", "1500"],
]


def paid(name: str, at: int, order: str, currency: str | None, items: list[dict], **amounts: float):
    said = {"debug_mode": 1, **({"currency": currency} if currency else {})}
    record = {"transaction_id": order, **amounts}
    return event(name, at, params=said, ecommerce=record, items=items)


def item(name: str, price: float | None = None, quantity: int | None = None, **more: float):
    return {"item_id": name, "price": price, "quantity": quantity, **more}


EVENTS = [
    event("page_view", 1),
    paid("purchase", 2, "P1", "KRW", [item("A", 600, 1), item("B", 400, 1)], purchase_revenue=1000),
    paid("refund", 3, "P1", "KRW", [item("B", item_refund=400.0)]),
    paid("purchase", 4, "P2", "usd", [item("C", 5, 4)], purchase_revenue=20),
    # the server names neither the currency nor the price, nor all that was bought
    paid("refund", 5, "P2", None, [item("C", quantity=1)]),
    paid("refund", 6, "P2", "USD", [item("C", quantity=2)]),
    paid("purchase", 7, "P3", "EUR", [], purchase_revenue=30),
    # it is refunded twice over
    paid("refund", 8, "P3", "EUR", [], refund_value=20),
    paid("refund", 9, "P3", "EUR", [], refund_value=25),
]


@dataclass
class Built:
    root: Path
    ended: Ended

    def row(self, sql: str) -> dict:
        with tables_of(self.root) as tables:
            return tables.row(sql)

    def rows(self, sql: str) -> list[tuple]:
        with tables_of(self.root) as tables:
            return tables.rows(sql)


def put(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("currencies")
    project = copied_project(root / "project")
    text = f"version: 1\nas_of: {AS_OF}\nproject: {project}\n"
    (root / "madang.yml").write_text(text, encoding="utf-8")
    put(root / "inbox" / "crm" / "customers.csv", CRM)
    put(root / "inbox" / "shop" / "orders.csv", ORDERS)
    (root / "ga4").mkdir()
    write(EVENTS, root / "ga4" / f"events_{DAY}.parquet")
    ended = madang(root, "load")
    assert ended.code == 0, ended.told
    return root


@pytest.fixture(scope="module")
def without_rates(root: Path) -> Built:
    return Built(root, madang(root, "build", COLUMNS="200"))


def customer(built: Built) -> dict:
    return built.row("""
        select orders, total_order_amount as amount, orders_without_rate as left_out
        from madang_marts.customers where customer_no = 'K5'""")


def day(built: Built) -> dict:
    return built.row("""
        select currency, purchases, purchase_revenue, orders, order_revenue, amounts_without_rate,
            events, debug_events, internal_events
        from madang_activity.ga4_days""")


def orders(built: Built) -> list[tuple]:
    return built.rows("""
        select order_id, currency, revenue, net_revenue, reporting_net_revenue
        from madang_activity.web_orders order by 1""")


def refunds(built: Built) -> list[tuple]:
    return built.rows("""
        select transaction_id, currency, amount, refund_status
        from madang_activity.web_refunds order by event_at""")


def test_without_rates_only_the_projects_own_currency_is_added_up(without_rates: Built):
    assert without_rates.ended.code == 0, without_rates.ended.told
    assert customer(without_rates) == {"orders": 2, "amount": 130_000, "left_out": 1}
    assert day(without_rates) == {
        "currency": "KRW",
        "purchases": 3,
        "purchase_revenue": 1000,
        "orders": 3,
        "order_revenue": 1000,
        "amounts_without_rate": 4,  # two purchases and two refunds with an amount
        "events": 9,
        "debug_events": 8,
        "internal_events": 0,
    }
    assert orders(without_rates) == [
        ("P1", "KRW", 1000, 600, 600),
        ("P2", "USD", 20, 5, None),
        ("P3", "EUR", 30, 0, None),
    ]


def test_a_refund_of_items_takes_back_the_items_and_all_together_no_more_than_the_order(
    without_rates: Built,
):
    assert refunds(without_rates) == [
        ("P1", "KRW", 400, "counted"),
        ("P2", "USD", 5, "counted"),
        ("P2", "USD", 10, "counted"),
        ("P3", "EUR", 20, "counted"),
        ("P3", "EUR", 10, "counted"),
    ]


def test_what_was_left_out_is_in_a_mart_and_in_status(without_rates: Built):
    assert without_rates.rows("""
        select kind, currency, amounts, amount from madang_marts.amounts_without_rate
        order by all""") == [("shop_order", "USD", 1, 100), ("web_order", "USD", 1, 5)]
    told = madang(without_rates.root, "status", COLUMNS="200").out
    assert "No rate for USD: 1 shop order of 100.00 USD, 2026-10-10 to 2026-10-10" in told
    assert "seeds/fx_rates.csv" in told


def test_a_session_in_debug_mode_counts_and_such_a_day_is_told(without_rates: Built):
    assert without_rates.rows("""
        select traffic_kind, is_internal, is_debug from madang_activity.sessions""") == [
        ("visitor", False, True)
    ]
    own = "on 1 of 1 days (the last is 2026-10-30) most events are the company's own"
    assert own in madang(without_rates.root, "status", COLUMNS="200").out
    ended = madang(without_rates.root, "parity", "--json")
    (notice,) = json.loads(ended.out)["notices"]
    assert own in notice
    assert "0% internal, 89% in debug mode" in notice


def test_with_rates_each_amount_counts_at_the_rate_of_its_day(without_rates: Built):
    put(without_rates.root / "project" / "seeds" / "fx_rates.csv", RATES)
    built = Built(without_rates.root, madang(without_rates.root, "build", COLUMNS="200"))
    assert built.ended.code == 0, built.ended.told
    assert customer(built) == {"orders": 2, "amount": 130_000 + 140_000, "left_out": 0}
    found = day(built)
    assert found["purchase_revenue"] == found["order_revenue"] == 1000 + 20 * 1500
    assert found["amounts_without_rate"] == 3  # EUR still has none
    assert orders(built)[1] == ("P2", "USD", 20, 5, 7500)


def test_a_rate_that_cannot_be_read_stops_the_build_before_a_sum_is_made(without_rates: Built):
    seed = without_rates.root / "project" / "seeds" / "fx_rates.csv"
    put(seed, [*RATES, ["2026-10-12", "USD", "KRW", "1,400.5"]])
    ended = madang(without_rates.root, "build", COLUMNS="200")
    assert ended.code == 1
    assert "rates_that_can_be_read_fx_rates" in ended.told
