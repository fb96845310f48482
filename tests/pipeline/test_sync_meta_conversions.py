"""Verified conversions to a local Meta, over HTTP, from rows to receipts."""

import json
import logging

import pytest

from conversion_rows import hashed, row
from madang.errors import ConfigError
from madang.sandbox.meta import MetaSandbox
from madang.sync import DestinationDown, DestinationRefused, DestinationUnclear
from madang.sync.destinations.meta.destination import MetaSettings
from sync_place import Place

TOKEN = "sandbox-token"
TYPES = """, conversions: {
    test_drive: {name: Schedule, action_source: physical_store, original_event: Lead},
    order: {name: Purchase, action_source: other}}"""
CLICK = {"click_id_name": "fbclid", "click_id": "IwAR-1"}


def rows(*numbers: int, **told) -> list[tuple]:
    return [row(number, **{**CLICK, **told}) for number in numbers]


class There(Place):
    """A workspace whose one sync reports conversions to the local Meta."""

    def __init__(self, root, meta: MetaSandbox, **keys) -> None:
        told = {"url": meta.url, "ad_account_id": meta.account, "dataset_id": meta.dataset, **keys}
        names = {"name": "conversions", "key": "upload_key", "more": TYPES.replace("\n", " ")}
        environ = {"MADANG_META_TOKEN": TOKEN}
        super().__init__(root, "meta", MetaSettings(**told), environ, **names)


@pytest.fixture
def meta():
    with MetaSandbox(token=TOKEN) as sandbox:
        yield sandbox


@pytest.fixture
def there(tmp_path, meta):
    return There(tmp_path, meta, events_per_request=4)


def test_each_conversion_is_told_once_as_the_later_outcome_of_what_happened_online(there, meta):
    wanted = [*rows(*range(6)), *rows(9, field="order", value=None, object_id=None)]
    assert there.sync(*wanted).accepted == 7
    assert set(meta.events) == {f"u{number:04}" for number in (*range(6), 9)}
    one = meta.events["u0003"]
    assert (one["event_name"], one["action_source"]) == ("Schedule", "physical_store")
    assert one["custom_data"] == {"order_id": "c0003", "value": 150.5, "currency": "KRW"}
    assert one["user_data"]["em"] == [hashed("e3")]
    assert one["user_data"]["ph"] == [hashed("p3")]
    assert one["user_data"]["fbc"].endswith(".IwAR-1")
    original = one["original_event_data"]
    assert (original["event_name"], original["order_id"]) == ("Lead", "A3")
    assert one["event_time"] - original["event_time"] == 10 * 86_400
    assert "original_event_data" not in meta.events["u0009"]
    there.want(*rows(1, 2, 3, value="1"))
    assert there.plan().is_empty, "a conversion that was told is told again, or changed"


def test_what_meta_would_refuse_whole_is_not_sent_and_the_rest_goes_on(there, meta):
    """One event that is too old, and Meta takes none of the request."""
    wrong = {
        "u0001": (rows(1, field="order", days_ago=8), "older than 7 days"),
        "u0002": (rows(2, days_ago=63), "older than 62 days"),
        "u0003": (rows(3, currency=None), "a value and no currency"),
        "u0004": (rows(4, click_id_name="gclid"), "not one of Meta's (fbclid)"),
        "u0005": (rows(5, operation="retraction"), "takes no corrections"),
        "u0006": (rows(6, click_id=None, click_id_name=None, match_keys=None), "neither a click"),
        "u0007": (rows(7, field="charger"), "names no conversion 'charger'"),
        "u0008": (rows(8, days_ago=-1), "in the future"),
    }
    good = [*rows(10, days_ago=61), *rows(11, field="order", days_ago=6)]
    result = there.sync(*good, *[one for listed, _ in wrong.values() for one in listed])
    assert set(meta.events) == {"u0010", "u0011"}
    assert (result.accepted, result.rejected) == (2, len(wrong))
    refused = {one["sync_key"]: one["problem"] for one in there.ledger("sync_rejects")}
    assert refused.keys() == wrong.keys()
    for key, (_, words) in wrong.items():
        assert words in refused[key]
    assert all(one["status"] == 200 for one in meta.log()), "Meta saw what it refuses"


@pytest.mark.parametrize("bad", [{2}, {0, 7}])
def test_events_that_meta_refuses_without_naming_them_are_found_by_halving(there, meta, bad):
    meta.refused |= {f"u{number:04}" for number in bad}
    result = there.sync(*rows(*range(8)))
    assert set(meta.events) == {f"u{number:04}" for number in range(8) if number not in bad}
    assert (result.accepted, result.rejected) == (8 - len(bad), len(bad))
    told = json.dumps(there.ledger("sync_rejects"), default=str)
    assert hashed("e2") not in told
    assert "2804001" in told


def test_when_every_event_is_refused_the_run_stops(tmp_path, meta):
    there = There(tmp_path, meta)
    meta.refused |= {f"u{number:04}" for number in range(40)}
    with pytest.raises(DestinationRefused, match="every one of the conversions"):
        there.sync(*rows(*range(40)))
    assert len(meta.log()) < 40


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_after"},
        {"kind": "status", "status": 503},
        {"kind": "transient"},
        {"kind": "error_in_200", "status": 2},
        {"kind": "rate_limit"},
    ],
)
def test_passing_trouble_is_tried_again_within_the_run(there, meta, fault):
    """Meta tells doubles for 48 hours; a run ends in minutes."""
    meta.faults.add(after=1, **fault)
    assert there.sync(*rows(*range(10))).status == "succeeded"
    assert len(meta.events) == 10


def test_a_rate_limit_that_lasts_in_the_middle_of_a_batch_tells_nothing_twice(there, meta):
    meta.refused.add("u0003")
    meta.faults.add("rate_limit", times=None, after=2)  # whole, first half, then
    there.want(*rows(*range(4)))
    there.plan()
    result = there.apply()
    assert (result.accepted, result.rejected) == (2, 2)
    meta.faults.clear()
    meta.refused.clear()
    assert there.sync(*rows(*range(4))).accepted == 2


def test_what_has_no_answer_at_the_end_of_a_run_is_never_sent_again(there, meta):
    there.want(*rows(*range(10)))
    there.plan()
    meta.faults.add("status", status=503, times=None, after=1)
    with pytest.raises(DestinationDown, match="503"):
        there.apply()
    meta.faults.clear()
    there.apply()
    assert set(meta.events) == {f"u{number:04}" for number in range(10) if not 4 <= number < 8}
    plan = there.plan()
    assert (plan.is_empty, plan.unknown) == (True, 4)


def test_an_error_in_an_answer_with_200_is_no_success(there, meta):
    meta.faults.add("error_in_200", status=190)
    with pytest.raises(DestinationRefused, match="code 190"):
        there.sync(*rows(1))
    assert there.sync(*rows(1)).accepted == 1  # surely not taken, so it goes again


def test_a_login_that_ends_in_the_middle_of_a_batch_tells_nothing_twice(there, meta):
    """A half of the batch was taken: what is left is rejected, and goes with the next plan."""
    meta.refused.add("u0003")
    meta.faults.add("error_in_200", status=190, after=2)  # whole, first half, then
    result = there.sync(*rows(*range(4)))
    assert (result.accepted, result.rejected) == (2, 2)
    meta.refused.clear()
    assert there.sync(*rows(*range(4))).accepted == 2
    assert [one["objects"] for one in meta.log() if one["status"] == 200] == [2, 0, 2]


def test_an_answer_that_counts_others_is_not_understood(there, meta, monkeypatch):
    monkeypatch.setattr(
        "madang.sandbox.meta._Handler._told", lambda *_: ({"events_received": 1}, 2)
    )
    with pytest.raises(DestinationUnclear, match="not as Meta does") as error:
        there.sync(*rows(1, 2))
    assert "not sent again" in error.value.fix
    assert there.plan().unknown == 2


def test_a_wrong_token_is_told_without_it_and_never_in_an_address(there, meta, caplog):
    caplog.set_level(logging.DEBUG)
    there.environ = {"MADANG_META_TOKEN": "EAAB-not-the-token"}
    with pytest.raises(DestinationRefused, match="OAuth access token") as error:
        there.sync(*rows(1))
    assert "not-the-token" not in f"{error.value} {caplog.text} {meta.log()}"


def test_another_dataset_and_none_are_told(tmp_path, meta):
    with pytest.raises(DestinationRefused, match="permissions are missing"):
        There(tmp_path / "a", meta, dataset_id="66666").sync(*rows(1))
    with pytest.raises(ConfigError, match="dataset"):
        There(tmp_path / "b", meta, dataset_id=None).sync(*rows(1))
