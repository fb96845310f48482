"""A plan is sent to a real HTTP server that is as strict as Braze, and the ledger tells it."""

import json

import pytest

from madang.errors import ConfigError
from madang.http.retry import Retry
from madang.sandbox.braze import BrazeSandbox
from madang.sync import DestinationDown, DestinationRefused, SyncError
from madang.sync.journal import locked
from sync_workspace import KEY, Workspace, members


@pytest.fixture
def braze():
    with BrazeSandbox(key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def workspace(tmp_path, braze):
    return Workspace(tmp_path, braze.url)


def test_the_destination_holds_exactly_what_is_wanted(workspace, braze):
    rows = [
        ("C1", "flagship_interest", "true"),
        ("C1", "tier", '"VIP"'),
        ("C2", "orders", "3"),
        ("C3", "tags", '["가","나"]'),
        ("C4", "nothing", None),
        ("C5", "nothing", "null"),
    ]
    workspace.want(rows)
    result = workspace.plan_and_apply()
    assert braze.users() == {
        "C1": {"flagship_interest": True, "tier": "VIP"},
        "C2": {"orders": 3},
        "C3": {"tags": ["가", "나"]},
    }
    assert (result.accepted, result.objects, result.requests, result.exit_code) == (4, 3, 1, 0)
    (run,) = workspace.ledger("sync_runs")
    assert (run["status"], run["planned"], run["accepted"], run["requests"]) == (
        "succeeded",
        4,
        4,
        1,
    )
    assert {row["status"] for row in workspace.ledger("sync_deliveries")} == {"accepted"}


def test_a_second_run_with_nothing_new_sends_nothing(workspace, braze):
    workspace.want(members(120))
    workspace.plan_and_apply()
    asked = len(braze.log())
    assert asked == 3
    again = workspace.apply()
    assert (again.status, again.requests, again.exit_code) == ("already_applied", 0, 0)
    plan = workspace.plan()
    assert plan.is_empty
    assert plan.unchanged == 120
    assert workspace.apply(key="").requests == 0  # an empty plan does not even need the key
    assert len(braze.log()) == asked


def test_only_changed_fields_are_sent_and_leaving_an_audience_removes_the_attribute(
    workspace, braze
):
    workspace.want([("C1", "a", "true"), ("C1", "b", "1"), ("C2", "a", "true")])
    workspace.plan_and_apply()
    workspace.want([("C1", "a", "true"), ("C1", "b", "2"), ("C3", "a", "true")])
    plan = workspace.plan()
    assert (plan.added, plan.changed, plan.removed, plan.unchanged) == (1, 1, 1, 1)
    workspace.apply()
    assert braze.users() == {"C1": {"a": True, "b": 2}, "C2": {}, "C3": {"a": True}}
    assert workspace.plan().is_empty


def test_additions_create_nobody_unless_the_sync_says_so(tmp_path, braze):
    workspace = Workspace(tmp_path, braze.url, creates=False)
    braze.store.create(["C1"])
    workspace.want([("C1", "a", "true"), ("C2", "a", "true")])
    assert workspace.plan_and_apply().accepted == 2
    assert braze.users() == {"C1": {"a": True}}


def test_removing_does_not_bring_a_deleted_user_back(workspace, braze):
    workspace.want(members(2))
    workspace.plan_and_apply()
    braze.store._users.pop("C000000")  # deleted in Braze
    workspace.want(members(1, start=1))
    workspace.plan_and_apply()
    assert set(braze.users()) == {"C000001"}


def test_who_is_held_back_is_counted_by_reason_and_never_sent(workspace, braze):
    rows = [
        ("C1", "a", "true"),
        ("C2", "a", "true", "withdrawn"),
        ("C2", "b", "true", "withdrawn"),
        ("C3", "a", "true", "no_consent"),
        (None, "a", "true", None),
    ]
    workspace.want(rows)
    plan = workspace.plan()
    assert plan.held_back == {"no_consent": 1, "no_sync_key": 1, "withdrawn": 1}
    workspace.apply()
    assert set(braze.users()) == {"C1"}
    held = {row["reason"]: row["persons"] for row in workspace.ledger("sync_plan_holds")}
    assert held["withdrawn"] == 1


def test_consent_withdrawn_after_planning_stops_the_row_at_sending(workspace, braze):
    workspace.want(members(3))
    workspace.plan()
    workspace.want([*members(2), ("C000002", "flagship_interest", "true", "withdrawn")])
    result = workspace.apply()
    assert set(braze.users()) == {"C000000", "C000001"}
    assert (result.accepted, result.skipped, result.exit_code) == (2, 1, 0)
    (skipped,) = workspace.ledger("sync_deliveries", "status = 'skipped'")
    assert (skipped["sync_key"], skipped["reason"]) == ("C000002", "no longer permitted")


def test_a_removal_is_sent_when_consent_is_withdrawn(workspace, braze):
    workspace.want(members(1))
    workspace.plan_and_apply()
    workspace.want([("C000000", "flagship_interest", "true", "withdrawn")])
    plan = workspace.plan()
    assert plan.removed == 1
    assert [guard.name for guard in plan.guards] == ["empty"]
    workspace.apply(allow_guards=True)
    assert braze.users() == {"C000000": {}}


def test_what_changed_since_the_plan_is_left_to_the_next_plan(workspace, braze):
    workspace.want([("C1", "a", "1"), ("C2", "a", "1"), ("C3", "a", "1")])
    workspace.plan_and_apply()
    workspace.want([("C1", "a", "2"), ("C3", "a", "2")])
    workspace.plan()  # C1 and C3 change, C2 goes
    workspace.want([("C1", "a", "3"), ("C2", "a", "1")])
    result = workspace.apply()
    assert result.skipped_by_reason == {
        "value changed since the plan": 1,
        "wanted again": 1,
        "no longer wanted": 1,
    }
    assert result.requests == 0
    workspace.plan_and_apply()
    assert braze.users() == {"C1": {"a": 3}, "C2": {"a": 1}, "C3": {}}


def test_rejected_objects_are_named_and_the_others_arrive(workspace, braze):
    workspace.want(members(120))
    braze.faults.add("reject", times=None, keys=("C000003", "C000077"))
    result = workspace.plan_and_apply()
    assert (result.accepted, result.rejected, result.requests) == (118, 2, 3)
    assert (result.status, result.exit_code) == ("partial", 3)
    rejects = workspace.ledger("sync_rejects")
    assert [row["sync_key"] for row in rejects] == ["C000003", "C000077"]
    assert rejects[0]["problem"] == "'attribute' is not valid"
    assert rejects[0]["fix"]
    assert len(braze.users()) == 118
    braze.faults.clear()
    plan = workspace.plan()  # what was refused is wanted still
    assert plan.added == 2
    assert workspace.apply().exit_code == 0
    assert len(braze.users()) == 120


@pytest.mark.parametrize("kind", ["fatal", "reject_vaguely"])
def test_a_bad_object_that_braze_does_not_name_is_found_by_halving(workspace, braze, kind):
    workspace.want(members(50))
    braze.faults.add(kind, times=None, keys=("C000017",))
    result = workspace.plan_and_apply()
    assert (result.accepted, result.rejected) == (49, 1)
    assert [row["sync_key"] for row in workspace.ledger("sync_rejects")] == ["C000017"]
    assert result.requests <= 14  # log2 of 50 twice, not 50
    assert len(braze.users()) == 49


def test_when_every_object_is_refused_alike_the_run_stops(workspace, braze):
    workspace.want(members(200))
    keys = [row[0] for row in members(200)]
    braze.faults.add("reject", times=None, keys=keys)
    workspace.plan()
    with pytest.raises(DestinationRefused, match="refuses every object") as stop:
        workspace.apply()
    assert stop.value.result.requests == 1
    assert braze.users() == {}


def test_a_wrong_key_stops_at_once_and_is_not_repeated_anywhere(workspace, braze, caplog):
    caplog.set_level("DEBUG")
    workspace.want(members(120))
    workspace.plan()
    wrong = "not-the-key-of-this-account"
    with pytest.raises(DestinationRefused) as stop:
        workspace.apply(key=wrong)
    text = str(stop.value)
    assert "does not accept the key" in text
    assert "another instance's" in text
    assert "120 stay planned" in text
    assert stop.value.exit_code == 1
    assert [entry["status"] for entry in braze.log()] == [401]
    (run,) = workspace.ledger("sync_runs")
    assert (run["status"], run["accepted"]) == ("failed", 0)
    assert workspace.ledger("sync_deliveries") == []
    told = text + caplog.text + json.dumps(workspace.ledger("sync_batches"), default=str)
    assert wrong not in told
    assert "[key]" in text
    assert workspace.apply().accepted == 120  # the same plan, with the right key


def test_a_missing_key_says_which_variable_to_set(workspace):
    workspace.want(members(1))
    workspace.plan()
    with pytest.raises(ConfigError, match="TEST_BRAZE_KEY is empty") as error:
        workspace.apply(key="")
    assert "export TEST_BRAZE_KEY" in error.value.fix
    assert error.value.exit_code == 2


def test_a_destination_that_is_down_leaves_the_rest_planned(workspace, braze):
    workspace.want(members(120))
    workspace.plan()
    braze.faults.add("status", times=None, after=1, status=503)
    with pytest.raises(DestinationDown, match="it answered 503") as stop:
        workspace.apply()
    assert stop.value.result.accepted == 50
    assert stop.value.exit_code == 1
    assert "70 stay planned" in str(stop.value)
    braze.faults.clear()
    result = workspace.apply()
    assert result.is_resumed
    assert (result.accepted, result.requests) == (70, 2)
    assert len(braze.users()) == 120
    assert set(braze.writes().values()) == {1}


def test_nobody_listening_is_said_plainly(tmp_path):
    with BrazeSandbox() as gone:
        url = gone.url
    workspace = Workspace(tmp_path, url)
    workspace.want(members(1))
    workspace.plan()
    with pytest.raises(DestinationDown, match="nobody listens at this address") as stop:
        workspace.apply()
    assert url in stop.value.where


def test_a_slow_answer_is_a_timeout_and_is_tried_again(tmp_path, braze):
    workspace = Workspace(tmp_path, braze.url, timeout=0.2)
    workspace.want(members(3))
    braze.faults.add("slow", seconds=0.6)
    result = workspace.plan_and_apply()
    assert (result.accepted, result.requests) == (3, 2)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_broken_connection_is_tried_again(workspace, braze, kind):
    workspace.want(members(120))
    braze.faults.add(kind, times=2, after=1)
    result = workspace.plan_and_apply()
    assert (result.status, result.requests) == ("succeeded", 5)
    assert len(braze.users()) == 120
    assert workspace.plan().is_empty


def test_after_429_the_run_waits_for_the_window_and_loses_nothing(workspace, braze):
    workspace.want(members(120))
    braze.faults.add("rate_limit", after=1, seconds=0.5)
    result = workspace.plan_and_apply()
    assert (result.accepted, result.requests) == (120, 4)
    assert 0.5 <= result.seconds < 4
    assert set(braze.writes().values()) == {1}


def test_a_used_up_window_is_waited_for_before_knocking_again(tmp_path):
    with BrazeSandbox(key=KEY, rate_limit=(2, 1.0)) as braze:
        workspace = Workspace(tmp_path, braze.url, batch=10)
        workspace.want(members(60))
        result = workspace.plan_and_apply()
        assert result.accepted == 60
        assert [entry["status"] for entry in braze.log()] == [201] * 6  # not one 429


def test_a_rate_window_longer_than_a_run_may_wait_ends_it_resumably(workspace, braze):
    workspace.want(members(60))
    workspace.plan()
    braze.faults.add("rate_limit", after=1, seconds=3600)
    with pytest.raises(DestinationDown, match="rate limit is used up"):
        workspace.apply()
    assert workspace.apply(retry=Retry()).accepted == 10


def test_the_payload_limit_splits_batches(workspace, braze):
    value = json.dumps("가" * 300_000)  # 0.9 MB each
    workspace.want([(f"C{number}", "note", value) for number in range(9)])
    result = workspace.plan_and_apply()
    assert (result.accepted, result.requests) == (9, 3)


def test_a_smaller_limit_at_the_account_than_in_the_settings_still_delivers(tmp_path):
    with BrazeSandbox(key=KEY, objects_limit=50) as braze:
        workspace = Workspace(tmp_path, braze.url, batch=75)
        workspace.want(members(75))
        result = workspace.plan_and_apply()
        assert (result.accepted, result.rejected) == (75, 0)


def test_an_address_that_is_not_braze_is_said(tmp_path, braze):
    workspace = Workspace(tmp_path, braze.url + "/rest")
    workspace.want(members(1))
    workspace.plan()
    with pytest.raises(DestinationRefused, match="HTTP 404"):
        workspace.apply()


def test_only_one_sync_runs_at_a_time(workspace):
    with (
        locked(workspace.settings.paths.journal),
        pytest.raises(SyncError, match="Another sync"),
        locked(workspace.settings.paths.journal),
    ):
        pass
