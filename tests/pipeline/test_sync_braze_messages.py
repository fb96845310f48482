"""Subscription groups, arrays of audiences and triggered campaigns at a strict local Braze."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from demo_workspace import REPOSITORY
from madang.erase.columns import read_columns
from madang.erase.lists import note_keys
from madang.erase.tables import forget_logs
from madang.erase.values import Known
from madang.errors import SpecError
from madang.sandbox.braze import BrazeSandbox
from madang.sync import DestinationUnclear, SyncError, deletions
from madang.sync.destinations.braze.campaigns import MessageOptions
from madang.sync.destinations.braze.destination import BrazeSettings
from madang.sync.destinations.braze.look import INSTANCES
from madang.sync.destinations.registry import open_by_name
from madang.sync.spec import SyncSpec
from sync_place import Place

KEY = "11111111-2222-3333-4444-555555555555"
MAIL, SMS = "aaaaaaaa-1111", "bbbbbbbb-2222"
GROUPS = f", groups: {{email: {MAIL}, sms: {SMS}}}"
CAMPAIGN = "cccccccc-3333"
CAMPAIGNS = f", campaigns: {{a: {{campaign_id: {CAMPAIGN}, channel: email}}}}"


@pytest.fixture
def braze():
    with BrazeSandbox(key=KEY, groups=frozenset({MAIL, SMS})) as sandbox:
        sandbox.store.create([f"C{number}" for number in range(120)])
        yield sandbox


@pytest.fixture
def place(tmp_path, braze):
    def to(name: str, key: str, more: str = "") -> Place:
        settings = BrazeSettings(url=braze.url, key_env="TEST_BRAZE_KEY")
        environ = {"TEST_BRAZE_KEY": KEY}
        return Place(tmp_path, "braze", settings, environ, name=name, key=key, more=more)

    return to


def message(key, user, *, at=None, campaign=CAMPAIGN):
    micros = None if at is None else str(int(at.timestamp()) * 1_000_000)
    told = {"user": user, "campaign_id": campaign, "audience": "a", "send_micros": micros}
    return key, "email", json.dumps(told)


def test_members_are_subscribed_and_who_leaves_is_unsubscribed(place, braze):
    there = place("subscription_groups", "external_id", GROUPS)
    rows = [(f"C{number}", MAIL, "true") for number in range(60)]
    result = there.sync(*rows, ("C1", SMS, "true"))
    assert (result.accepted, result.requests) == (61, 3)
    there.sync(*rows[1:])
    states = braze.groups.states()
    assert states[SMS] == {"C1": "unsubscribed"}
    assert states[MAIL]["C0"] == "unsubscribed"
    assert {states[MAIL][f"C{number}"] for number in range(1, 60)} == {"subscribed"}
    assert len(states[MAIL]) == 60


def test_an_address_of_several_users_sets_all_of_them(place, braze):
    braze.store.create(["X", "Y"], email="both@maru.example")
    there = place("subscription_groups", "email", GROUPS)
    there.sync(("email:both@maru.example", MAIL, "true"))
    assert braze.groups.states() == {MAIL: {"X": "subscribed", "Y": "subscribed"}}


def test_a_key_that_is_revoked_between_two_kinds_of_id_keeps_who_is_subscribed(place, braze):
    """The rest of the batch is rejected, and goes with the next plan."""
    braze.store.create(["X"], email="x@maru.example")
    there = place("subscription_groups", "email", GROUPS)
    rows = [("C1", MAIL, "true"), ("email:x@maru.example", MAIL, "true")]
    braze.faults.add("status", status=401, after=1)
    result = there.sync(*rows)
    assert (result.status, result.accepted, result.rejected) == ("partial", 1, 1)
    braze.faults.clear()
    assert there.sync(*rows).accepted == 1
    assert braze.groups.states() == {MAIL: {"C1": "subscribed", "X": "subscribed"}}


def test_a_state_goes_again_after_a_lost_answer_and_a_bad_one_is_found_by_halving(place, braze):
    there = place("subscription_groups", "external_id", GROUPS)
    braze.faults.add("drop_after")
    braze.faults.add("fatal", times=None, keys=("C17",))
    result = there.sync(*[(f"C{number}", MAIL, "true") for number in range(50)])
    assert (result.accepted, result.rejected) == (49, 1)
    assert set(braze.groups.states()[MAIL].values()) == {"subscribed"}
    assert "C17" not in braze.groups.states()[MAIL]


def test_nobody_is_subscribed_by_an_id_that_the_call_does_not_take(place, braze):
    there = place("subscription_groups", "external_id", GROUPS)
    result = there.sync(("braze_id:b1", MAIL, "true"), ("C1", MAIL, "true"))
    assert (result.accepted, result.rejected) == (1, 1)
    (reject,) = there.ledger("sync_rejects")
    assert "Nobody is subscribed by braze_id" in reject["problem"]


def test_an_array_of_audiences_gains_and_loses_elements_and_keeps_what_is_not_ours(place, braze):
    braze.store.apply([{"external_id": "C1", "madang_audiences": ["theirs"]}])
    there = place("user_attributes", "external_id", ", array_attribute: madang_audiences")
    there.sync(("C1", "a", "true"), ("C1", "b", "true"), ("C2", "a", "true"))
    assert braze.users()["C1"] == {"madang_audiences": ["theirs", "a", "b"]}
    there.sync(("C1", "b", "true"), ("C2", "a", "true"))
    assert braze.users()["C1"] == {"madang_audiences": ["theirs", "b"]}
    assert braze.users()["C2"] == {"madang_audiences": ["a"]}


def test_messages_go_once_at_once_or_at_their_moment(place, braze):
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    rows = [message(f"m{number}", f"C{number}") for number in range(60)]
    rows += [message("s1", "C1", at=later), message("s2", "C2", at=later)]
    there = place("campaign_messages", "message_id", CAMPAIGNS)
    result = there.sync(*rows)
    assert (result.accepted, result.requests) == (62, 3)
    sent = braze.campaigns.sent()
    at_once = [one["user"] for one in sent if one["time"] is None]
    assert sorted(at_once) == sorted(f"C{n}" for n in range(60))
    assert {(one["user"], one["time"]) for one in sent if one["time"]} == {
        ("C1", later.isoformat()),
        ("C2", later.isoformat()),
    }
    assert sent[0]["properties"] == {"audience": "a"}
    references = {row["remote_reference"] for row in there.ledger("sync_batches")}
    assert references == {one["dispatch_id"] for one in sent}
    assert there.sync(*rows) is None


def test_triggers_enter_a_canvas_and_say_the_scenario_as_its_context(place, braze):
    told = {"user": "C1", "campaign_id": None, "canvas_id": "dddddddd-4444", "scenario": "left"}
    rows = [("t1", "email", json.dumps(told | {"send_micros": None})), message("m1", "C2")]
    scenarios = ", scenarios: {left: {canvas_id: dddddddd-4444, channel: email}}"
    result = place("campaign_messages", "message_id", scenarios).sync(*rows)
    assert (result.accepted, result.requests) == (2, 2)
    by_canvas = {one.get("canvas_id"): one for one in braze.campaigns.sent()}
    assert by_canvas["dddddddd-4444"]["user"] == "C1"
    assert by_canvas["dddddddd-4444"]["properties"] == {"scenario": "left"}
    assert by_canvas[None]["campaign_id"] == CAMPAIGN


def test_a_moment_that_has_come_is_sent_at_once(place, braze):
    there = place("campaign_messages", "message_id", CAMPAIGNS)
    there.sync(message("m1", "C1", at=datetime.now(UTC) - timedelta(hours=1)))
    assert [one["time"] for one in braze.campaigns.sent()] == [None]


@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "status", "status": 500}])
def test_a_message_whose_answer_is_lost_is_never_sent_again(place, braze, fault):
    there = place("campaign_messages", "message_id", CAMPAIGNS)
    there.want(*[message(f"m{number:03}", f"C{number}") for number in range(110)])
    there.plan()
    braze.faults.add(after=1, **fault)
    with pytest.raises(DestinationUnclear, match="is unknown"):
        there.apply()
    there.apply()
    users = [one["user"] for one in braze.campaigns.sent()]
    assert len(users) == len(set(users)) == (110 if fault["kind"] == "drop_after" else 60)
    plan = there.plan()
    assert (plan.is_empty, plan.unknown) == (True, 50)


def test_a_message_of_somebody_who_says_no_after_planning_stays_here(place, braze):
    there = place("campaign_messages", "message_id", CAMPAIGNS)
    there.want(message("m1", "C1"), message("m2", "C2"))
    there.plan()
    there.want(message("m1", "C1"), (*message("m2", "C2"), "withdrawn"))
    there.apply()
    assert [one["user"] for one in braze.campaigns.sent()] == ["C1"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (message("x", "braze_id:b1"), "no recipient by braze_id"),
        (message("x", None), "no user"),
        (message("x", "C1", campaign=None), "no campaign_id"),
        (message("x", "C1", at=datetime(2099, 1, 1, tzinfo=UTC)), "90 days"),
    ],
)
def test_a_message_that_is_wrong_by_itself_is_not_sent(place, braze, bad, said):
    there = place("campaign_messages", "message_id", CAMPAIGNS)
    result = there.sync(bad, message("m1", "C1"))
    assert (result.accepted, result.rejected) == (1, 1)
    (reject,) = there.ledger("sync_rejects")
    assert said in reject["problem"]
    assert len(braze.campaigns.sent()) == 1


def test_an_erasure_finds_a_user_by_every_key_that_fields_were_sent_under(
    place, braze, monkeypatch
):
    alias = {"alias_name": "C7", "alias_label": "crm"}
    braze.store.create(["a"], email="min@maru.example")
    braze.store.create(["b"], phone="+821012345678")
    braze.store.create(["c"], braze_id="b-1")
    braze.store.create(["d"], aliases=[alias])
    braze.store.create(["other"], email="other@maru.example")
    order = "key_order: [external_id, user_alias, braze_id, email, phone]"
    order += ", user_alias: {label: crm, identifier: crm_id}"
    there = place("user_attributes", "in_order", f", {order}")
    mine = ["email:min@maru.example", "phone:+821012345678", "braze_id:b-1", "user_alias:crm:C7"]
    there.sync(*[(key, "a", "true") for key in (*mine, "email:other@maru.example")])
    known = Known("p", numbers=["C7"], emails=["min@maru.example"], phones=["+821012345678"])
    known.add_records("braze_user_id", ["b-1"])
    with there.warehouse() as warehouse:
        note_keys(there.settings, warehouse, known)
        forget_logs(warehouse, read_columns(REPOSITORY), known)
    assert known.sent == {"braze": sorted(mine)}
    left = [row["sync_key"] for row in there.ledger("sync_deliveries")]
    assert left == ["email:other@maru.example"]
    monkeypatch.setenv("TEST_BRAZE_KEY", KEY)
    deletions.queue(there.settings, "e1", ["braze"], [*known.numbers, *known.sent["braze"]])
    (told,) = deletions.send(there.settings)
    assert (told.status, told.keys) == ("deleted", 5)
    assert set(braze.users()) == {"other", *(f"C{number}" for number in range(120))} - {"C7"}


def test_messages_to_a_real_host_are_refused(place, braze):
    there = place("campaign_messages", "message_id", CAMPAIGNS)
    there.want(message("m1", "C1"))
    there.plan()
    real = BrazeSettings(url="https://rest.kr-01.braze.com", key_env="TEST_BRAZE_KEY")
    there.settings = there.settings.model_copy(update={"destinations": {"braze": real}})
    with pytest.raises(SyncError, match="local server only"):
        there.apply()
    assert braze.campaigns.sent() == []


@pytest.mark.parametrize(
    "own",
    [
        ("user_attributes", "in_order", ""),
        ("user_attributes", "external_id", ", key_order: [email]"),
        ("user_attributes", "in_order", ", key_order: [user_alias]"),
        ("user_attributes", "in_order", ", key_order: [mail]"),
        ("subscription_groups", "external_id", ""),
        ("campaign_messages", "message_id", ", campaigns: {}"),
    ],
)
def test_an_exposure_that_contradicts_itself_is_said(place, own):
    there = place(*own)
    with pytest.raises(SpecError):
        there.plan()


def looked(url: str, *syncs, key: str = KEY) -> dict[str, tuple[str, str]]:
    settings = load_settings_with(url)
    with closing(open_by_name("braze", settings, environ={"TEST_BRAZE_KEY": key})) as braze:
        return {one.name: (one.status, one.detail) for one in braze.look(syncs)}


def load_settings_with(url: str):
    settings = BrazeSettings(url=url, key_env="TEST_BRAZE_KEY")
    return SimpleNamespace(destinations={"braze": settings}, config_path="madang.yml")


def test_the_doctor_asks_what_the_key_may_call_and_changes_nothing(place, braze):
    events = SyncSpec("braze_events", "braze", "events", "m", "event_id")
    groups = SyncSpec("braze_groups", "braze", "subscription_groups", "m", "external_id")
    before = braze.users()
    assert looked(braze.url, events, groups) == {
        "users.track": ("ok", "the key may call it (braze_events)"),
        "subscription.status.set": ("ok", "the key may call it (braze_groups)"),
        "users.delete": ("ok", "the key may call it (madang erase)"),
    }
    options = MessageOptions(scenarios={"left": {"canvas_id": "dddddddd-4444", "channel": "sms"}})
    canvas = SyncSpec("left", "braze", "campaign_messages", "m", "message_id", options=options)
    assert looked(braze.url, canvas)["canvas.trigger.send"][0] == "ok"
    assert (braze.users(), braze.events(), braze.groups.states()) == (before, [], {})
    braze.permissions = frozenset({"users.track"})
    found = looked(braze.url, events, groups)
    assert {name: status for name, (status, _) in found.items()} == {
        "users.track": "ok",
        "subscription.status.set": "problem",
        "users.delete": "warning",
    }
    wrong = looked(braze.url, events, key="another-key")
    assert wrong["users.track"][0] == "problem"
    assert "another-key" not in str(wrong)
    elsewhere = looked(f"{braze.url}/rest", events)
    assert "HTTP 404" in elsewhere["users.track"][1]


@pytest.mark.parametrize(
    ("url", "is_known"),
    [
        ("https://rest.kr-01.braze.com", True),
        ("https://rest.fra-01.braze.eu", True),
        ("https://dashboard-01.braze.com", False),
        ("https://rest.iad-03.braze.eu", False),
    ],
)
def test_an_address_that_is_no_instance_of_braze_is_said(url, is_known):
    assert bool(INSTANCES.fullmatch(url)) is is_known
