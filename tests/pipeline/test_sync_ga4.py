"""Verified conversions and refunds to a local GA4, over HTTP, from rows to receipts."""

import logging

import pytest

from conversion_rows import row
from madang.errors import ConfigError, SpecError
from madang.sandbox.ga4 import Ga4Sandbox
from madang.sync import DestinationRefused, DestinationUnclear
from madang.sync.destinations.ga4 import Ga4Settings
from madang.sync.spec import load_specs
from sync_place import Place

SECRET = "sandbox-secret"
TYPES = ", conversions: {order: {name: purchase}, test_drive: {name: test_drive_verified}}"
PLAIN = {"click_id": None, "click_id_name": None, "match_keys": None, "days_ago": 1}


def rows(*numbers: int, field: str = "order", **told) -> list[tuple]:
    return [row(number, field, **{**PLAIN, **told}) for number in numbers]


class There(Place):
    """A workspace whose one sync reports conversions to the local GA4."""

    def __init__(self, root, ga4: Ga4Sandbox, more: str = TYPES) -> None:
        settings = Ga4Settings(url=ga4.url, measurement_id=ga4.measurement_id)
        names = {"name": "conversions", "key": "upload_key", "more": more}
        super().__init__(root, "ga4", settings, {"MADANG_GA4_SECRET": SECRET}, **names)


@pytest.fixture
def ga4():
    with Ga4Sandbox(secret=SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def there(tmp_path, ga4):
    return There(tmp_path, ga4)


def test_each_conversion_is_told_once_to_the_device_and_a_refund_after_it(there, ga4):
    assert there.sync(*rows(1, 2), *rows(3, field="test_drive", value=None)).accepted == 3
    told = {one["params"]["transaction_id"]: one for one in ga4.events}
    assert told["c0001"]["client_id"] == "1.1700000001"
    assert told["c0001"]["name"] == "purchase"
    assert told["c0001"]["params"] == {
        "transaction_id": "c0001",
        "value": 150.5,
        "currency": "KRW",
    }
    assert told["c0003"]["name"] == "test_drive_verified"
    refund = ("r0001", *rows(1, operation="retraction")[0][1:])
    assert there.sync(*rows(1, 2), refund).accepted == 1
    assert [one["name"] for one in ga4.events][3:] == ["refund"]
    there.want(*rows(1, 2), refund)
    assert there.plan().is_empty


def test_what_ga4_would_move_or_drop_without_a_word_is_not_sent(there, ga4):
    wrong = {
        "u0001": (rows(1, days_ago=3.01), "older than 72 hours"),
        "u0002": (rows(2, days_ago=-1), "in the future"),
        "u0003": (rows(3, device_id=None), "no client id"),
        "u0004": (rows(4, device_id="0123456789ABCDEF"), "no client id"),
        "u0005": (rows(5, currency=None), "a value and no currency"),
        "u0006": (rows(6, operation="restatement"), "only refunds"),
        "u0007": (
            rows(7, field="test_drive", operation="retraction"),
            "takes back a purchase only",
        ),
        "u0008": (rows(8, field="charger"), "names no conversion 'charger'"),
        "u0009": (rows(9, click_id="x", click_id_name="gclid"), "not one of GA4's"),
    }
    result = there.sync(*rows(10, days_ago=2.99), *[one for [one], _ in wrong.values()])
    assert [one["params"]["transaction_id"] for one in ga4.events] == ["c0010"]
    assert (result.accepted, result.rejected) == (1, len(wrong))
    refused = {one["sync_key"]: one["problem"] for one in there.ledger("sync_rejects")}
    for key, (_, words) in wrong.items():
        assert words in refused[key]


def test_the_first_of_each_name_is_asked_about_at_the_validation_address(there, ga4):
    there.sync(*rows(1, 2, 3), *rows(4, 5, field="test_drive"))
    asked = [one["path"] for one in ga4.log()]
    assert (asked.count("/debug/mp/collect"), asked.count("/mp/collect")) == (2, 5)


def test_what_the_validation_address_refuses_is_not_sent(there, ga4):
    result = there.sync(*rows(1, transaction_id="c" * 101), *rows(2))
    assert (result.accepted, result.rejected) == (1, 1)
    (refused,) = there.ledger("sync_rejects")
    assert refused["problem"] == "GA4 would not take it: transaction_id is too long."
    assert len(ga4.events) == 1


@pytest.mark.parametrize(
    ("fault", "arrived"), [({"kind": "drop_after"}, 3), ({"kind": "status", "status": 503}, 2)]
)
def test_what_may_have_arrived_is_never_sent_again(there, ga4, fault, arrived):
    """GA4 does not tell doubles."""
    there.want(*rows(1, 2, 3))
    there.plan()
    ga4.faults.add(after=1, keys=("live",), **fault)
    with pytest.raises(DestinationUnclear, match="is unknown"):
        there.apply()
    there.apply()
    assert len(ga4.events) == arrived
    plan = there.plan()
    assert (plan.is_empty, plan.unknown) == (True, 1)


def test_an_answer_that_is_not_ga4s_stops_before_anything_counts(there, ga4):
    ga4.faults.add("status", status=404, keys=("debug",))
    with pytest.raises(DestinationRefused, match="validation address answered 404"):
        there.sync(*rows(1))
    assert there.sync(*rows(1)).accepted == 1


def test_the_secret_is_in_no_log_and_no_error(there, ga4, caplog):
    caplog.set_level(logging.DEBUG)
    there.environ = {"MADANG_GA4_SECRET": "a+secret/that=is-not-it"}
    there.sync(*rows(1))
    ga4.faults.add("drop_before", keys=("live",))
    with pytest.raises(DestinationUnclear) as error:
        there.sync(*rows(1, 2))
    assert "/mp/collect" in caplog.text, "nothing was logged, so nothing is shown by this test"
    told = f"{caplog.text} {error.value} {error.value.fix} {ga4.log()}"
    assert "secret/that" not in told
    assert "secret%2Fthat" not in told
    assert ga4.events == [], "the local GA4 took a wrong secret"


def test_without_a_secret_nothing_is_asked(there, ga4):
    there.environ = {}
    with pytest.raises(ConfigError, match="MADANG_GA4_SECRET"):
        there.sync(*rows(1))
    assert ga4.log() == []


@pytest.mark.parametrize("name", ["1st", "a-b", "a" * 41])
def test_a_name_that_no_event_can_have_is_refused(tmp_path, ga4, name):
    there = There(tmp_path, ga4, more=f", conversions: {{order: {{name: '{name}'}}}}")
    with pytest.raises(SpecError, match="name of a GA4 event"):
        load_specs(there.settings.project_dir)
