"""A sync goes as often as its exposure says, and what is skipped is told."""

from datetime import timedelta

import pytest

from madang import work
from madang.sandbox.braze import BrazeSandbox
from madang.sync import DestinationDown
from madang.sync.cadence import not_due
from madang.sync.clock import utc_now
from sync_workspace import KEY, Workspace, members


@pytest.fixture
def braze():
    with BrazeSandbox(key=KEY) as sandbox:
        yield sandbox


def with_cadence(root, braze, cadence: str) -> Workspace:
    workspace = Workspace(root, braze.url)
    path = root / "project/models/activation/braze/_braze__exposures.yml"
    text = path.read_text()
    path.write_text(
        text.replace(
            "object: user_attributes", f"object: user_attributes\n          cadence: {cadence}", 1
        )
    )
    return workspace


def skipped(workspace: Workspace, **later: int) -> dict[str, str]:
    with workspace.warehouse() as warehouse:
        return not_due(workspace.settings, warehouse, utc_now() + timedelta(**later))


def test_a_sync_is_due_again_when_its_time_is_over(tmp_path, braze):
    workspace = with_cadence(tmp_path, braze, "every 1 hour")
    workspace.want(members(3))
    assert skipped(workspace) == {}
    workspace.plan()
    assert skipped(workspace) == {}, "a plan alone is no sending"
    workspace.apply()
    why = "braze_audiences is skipped: it goes every 1 hour, and went 40 minutes ago."
    assert skipped(workspace, minutes=40) == {"braze_audiences": why}
    assert skipped(workspace, minutes=55) == {}, "a timer may go off a little early"
    assert skipped(workspace, minutes=-5) == {}, "a clock was set back"
    workspace.plan()  # nothing to send: the destination has what it should have
    assert skipped(workspace, minutes=40) != {}


def test_once_goes_once_and_on_change_always(tmp_path, braze):
    workspace = with_cadence(tmp_path / "once", braze, "once")
    workspace.want(members(3))
    assert skipped(workspace) == {}
    workspace.plan_and_apply()
    assert "it goes once, and went at" in skipped(workspace, days=400)["braze_audiences"]
    always = with_cadence(tmp_path / "always", braze, "on_change")
    always.want(members(3))
    always.plan_and_apply()
    assert skipped(always) == {}


def test_a_run_that_was_stopped_goes_on_at_once(tmp_path, braze):
    workspace = with_cadence(tmp_path, braze, "every 1 day")
    workspace.want(members(3))
    workspace.plan()
    braze.faults.add("status", status=503, times=None)
    with pytest.raises(DestinationDown):
        workspace.apply()
    braze.faults.clear()
    assert skipped(workspace) == {}


def test_a_plan_of_a_sync_that_is_not_due_waits_and_is_told(tmp_path, braze, capsys):
    workspace = with_cadence(tmp_path, braze, "every 1 hour")
    workspace.want(members(3))
    workspace.plan_and_apply()
    workspace.want(members(5))
    plan = workspace.plan()
    assert work.sync(workspace.settings, apply=True) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "it goes every 1 hour, and went 0 minutes ago." in told
    assert plan.plan_id in told.replace(" ", "")
    assert len(braze.users()) == 3
    assert work.plan(workspace.settings, only_due=True) == 0
    assert "is skipped" in capsys.readouterr().out
    assert workspace.apply(plan.plan_id).accepted == 2, "a plan that is named goes in any case"
