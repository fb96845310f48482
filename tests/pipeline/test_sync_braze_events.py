"""Custom events and purchases reach a strict local Braze once each, whatever happens on the way."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from demo_workspace import SUPPORT
from madang.sandbox.braze import BrazeSandbox
from madang.sync import DestinationDown, DestinationUnclear, SyncError
from madang.sync.destinations.braze.destination import BrazeSettings
from sync_place import Place

APPLY = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from madang.sync.destinations.braze.destination import BrazeSettings
from sync_place import Place
settings = BrazeSettings(url=sys.argv[3], key_env="TEST_BRAZE_KEY")
Place.existing(Path(sys.argv[2]), "braze", settings, dict(os.environ)).apply()
"""
KEY = "11111111-2222-3333-4444-555555555555"
OWN = ", create_missing: true, purchases: [{product: order, did: ordered}]"
MICROS = "1793000000000000"


@pytest.fixture
def braze():
    with BrazeSandbox(key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def place(tmp_path, braze):
    settings = BrazeSettings(url=braze.url, key_env="TEST_BRAZE_KEY")
    environ = {"TEST_BRAZE_KEY": KEY}
    return Place(tmp_path, "braze", settings, environ, name="events", key="event_id", more=OWN)


def event(key, field="visited", user="C1", **told):
    value = {"user": user, "kind": "event", "event_id": key, "happened_micros": MICROS, **told}
    return key, field, json.dumps(value)


def purchase(key, amount, user="C1", **told):
    return event(key, "order", user, kind="purchase", value=amount, currency="KRW", **told)


def test_events_purchases_and_refunds_arrive_once_in_one_request(place, braze):
    rows = [
        event("e1", object_id="T1", object_type="test_drive"),
        event("e2", user="email:a@maru.example"),
        purchase("p1", "420000"),
        purchase("r1", "-420000"),
    ]
    result = place.sync(*rows)
    assert (result.accepted, result.requests, result.exit_code) == (4, 1, 0)
    first, second = braze.events()
    assert (first["user"], first["name"], first["time"]) == (
        "C1",
        "visited",
        "2026-10-26T07:33:20+00:00",
    )
    assert first["properties"] == {
        "event_id": "e1",
        "object_type": "test_drive",
        "object_id": "T1",
    }
    assert second["user"] == "email:a@maru.example"
    told = [(one["product_id"], one["price"], one["currency"]) for one in braze.purchases()]
    assert told == [("order", 420000, "KRW"), ("order", -420000, "KRW")]
    assert place.sync(*rows) is None
    assert place.sync(*rows, event("e3")).accepted == 1
    assert len(braze.events()) == 3
    amounts = {row["sync_key"]: row["amount"] for row in place.ledger("sync_deliveries")}
    assert (amounts["p1"], amounts["r1"]) == ("420000", "-420000")


def test_an_unknown_user_gets_nothing_unless_the_sync_creates_it(tmp_path, braze):
    settings = BrazeSettings(url=braze.url, key_env="TEST_BRAZE_KEY")
    more = ", purchases: [{product: order, did: ordered}]"
    place = Place(
        tmp_path,
        "braze",
        settings,
        {"TEST_BRAZE_KEY": KEY},
        name="events",
        key="event_id",
        more=more,
    )
    braze.store.create(["C1"])
    assert place.sync(event("e1"), event("e2", user="C2")).accepted == 2
    assert [one["user"] for one in braze.events()] == ["C1"]
    assert set(braze.users()) == {"C1"}


def test_a_refused_one_is_named_by_its_array_and_the_others_are_kept(place, braze):
    braze.faults.add("reject", times=None, keys=("p2", "e4"))
    rows = [event(f"e{n}") for n in range(6)] + [purchase(f"p{n}", "1") for n in range(4)]
    result = place.sync(*rows)
    assert (result.accepted, result.rejected, result.exit_code) == (8, 2, 3)
    rejects = {row["sync_key"]: row["problem"] for row in place.ledger("sync_rejects")}
    assert rejects == {"e4": "'event' is not valid", "p2": "'purchase' is not valid"}
    assert (len(braze.events()), len(braze.purchases())) == (5, 3)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (purchase("x", "1", happened_micros="9999999999999999"), "in the future"),
        (purchase("x", None), "needs a value"),
        (("x", "order", '{"kind": "purchase"}'), "no happened_micros"),
        (("x", "order", "3"), "no JSON object"),
        (event("x", user=None), "no user"),
    ],
)
def test_what_is_wrong_by_itself_is_not_sent_and_the_others_go(place, braze, bad, said):
    result = place.sync(bad, event("e1"))
    assert (result.accepted, result.rejected) == (1, 1)
    (reject,) = place.ledger("sync_rejects")
    assert (reject["reason"], reject["sync_key"]) == ("not sent", "x")
    assert said in reject["problem"]
    assert len(braze.events()) == 1


def test_an_error_in_a_201_that_names_nobody_leaves_the_batch_unknown_and_sends_it_never_again(
    place, braze
):
    braze.faults.add("reject_vaguely", keys=("e7",))
    rows = [event(f"e{n:03}") for n in range(60)] + [event("e7")]
    result = place.sync(*rows)
    assert (result.accepted, result.rejected, result.unknown) == (50, 0, 11)
    unknown = place.ledger("sync_deliveries", "status = 'unknown'")
    assert len(unknown) == 11
    plan = place.plan()
    assert (plan.is_empty, plan.unknown) == (True, 11)
    assert len(braze.events()) == 60


def test_a_fatal_answer_that_names_nobody_is_halved_because_nothing_was_taken(place, braze):
    braze.faults.add("fatal", times=None, keys=("e17",))
    result = place.sync(*[event(f"e{n:02}") for n in range(50)])
    assert (result.accepted, result.rejected) == (49, 1)
    names = [one["properties"]["event_id"] for one in braze.events()]
    assert len(names) == len(set(names)) == 49


def test_a_key_that_is_revoked_between_two_halves_of_a_batch_tells_nothing_twice(place, braze):
    """The first half was taken: the rest is rejected, and goes with the next plan."""
    braze.faults.add("fatal", times=None, keys=("e40",))
    braze.faults.add("status", status=401, after=2)  # whole, first half, then
    rows = [event(f"e{n:02}") for n in range(50)]
    result = place.sync(*rows)
    assert (result.accepted, result.rejected) == (25, 25)
    braze.faults.clear()
    assert place.sync(*rows).accepted == 25
    names = [one["properties"]["event_id"] for one in braze.events()]
    assert len(names) == len(set(names)) == 50


def test_a_rate_window_longer_than_a_run_may_wait_costs_no_event(place, braze):
    """Who asks to wait took nothing: the batch is planned as before, and not in doubt for ever."""
    place.want(*[event(f"e{n:03}") for n in range(120)])
    place.plan()
    braze.faults.add("rate_limit", after=1, seconds=86_400)
    with pytest.raises(DestinationDown, match="rate limit is used up"):
        place.apply()
    braze.faults.clear()
    place.apply()
    names = [one["properties"]["event_id"] for one in braze.events()]
    assert (len(names), len(set(names)), place.plan().unknown) == (120, 120, 0)


@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "status", "status": 503}])
def test_a_lost_answer_is_unknown_and_the_rest_goes_on(place, braze, fault):
    place.want(*[event(f"e{n:03}") for n in range(120)])
    place.plan()
    braze.faults.add(after=1, **fault)
    with pytest.raises(DestinationUnclear, match="is unknown"):
        place.apply()
    place.apply()
    names = [one["properties"]["event_id"] for one in braze.events()]
    assert len(names) == len(set(names)) == (120 if fault["kind"] == "drop_after" else 70)
    assert place.plan().unknown == 50


@pytest.mark.parametrize("fault", [{"kind": "rate_limit", "seconds": 0.2}, {"kind": "drop_before"}])
def test_what_surely_did_not_arrive_goes_again(place, braze, fault):
    braze.faults.add(**fault)
    try:
        place.sync(event("e1"))
    except DestinationUnclear:  # a connection that breaks may have carried it
        assert fault["kind"] == "drop_before"
        return
    assert len(braze.events()) == 1


@pytest.mark.parametrize("requests", [1, 6])
def test_a_killed_run_doubles_nothing_and_counts_what_was_in_flight(place, braze, requests):
    place.want(*[event(f"e{n:03}") for n in range(400)])
    place.plan()
    braze.faults.add("slow", times=None, seconds=0.03)
    environ = {**os.environ, "TEST_BRAZE_KEY": KEY}
    command = [sys.executable, "-c", APPLY, str(SUPPORT), str(place.root), braze.url]
    process = subprocess.Popen(command, env=environ)
    deadline = time.monotonic() + 30
    while len(braze.log()) < requests and process.poll() is None:
        assert time.monotonic() < deadline, "the process never sent that much"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    time.sleep(0.2)  # what was in flight may still arrive
    braze.faults.clear()
    place.apply()
    names = [one["properties"]["event_id"] for one in braze.events()]
    assert len(names) == len(set(names))
    unknown = place.plan().unknown
    accepted = place.ledger("sync_deliveries", "status = 'accepted'")
    assert len(accepted) + unknown == 400
    assert 400 - unknown <= len(names) <= 400


def test_an_event_whose_consent_is_withdrawn_after_planning_stays_here(place, braze):
    place.want(event("e1"), event("e2"))
    place.plan()
    place.want(event("e1"), (*event("e2"), "withdrawn"))
    result = place.apply()
    assert (result.accepted, result.skipped_by_reason) == (1, {"no longer permitted": 1})
    assert len(braze.events()) == 1


def test_the_plan_says_how_many_data_points_it_costs(place):
    place.want(event("e1"), purchase("p1", "1"))
    assert place.plan().forecast.startswith("2 data points")


def test_a_name_that_braze_keeps_for_itself_is_found_in_the_plan(place):
    place.want(event("e1", field="$visited"))
    with pytest.raises(SyncError, match=r"begins with \$"):
        place.plan()
