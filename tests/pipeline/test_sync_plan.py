"""What a plan says, what it refuses, and when it may not be applied."""

import json
import shutil

import pytest

from madang.errors import UsageError
from madang.sandbox.braze import BrazeSandbox
from madang.sync import SyncError
from madang.sync.engine import open_plans
from madang.sync.journal import Journal
from madang.sync.plan import make_plan
from sync_workspace import KEY, Workspace, members


@pytest.fixture
def braze():
    with BrazeSandbox(key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def workspace(tmp_path, braze):
    return Workspace(tmp_path, braze.url)


def test_a_plan_is_stored_with_its_rows_and_in_the_ledger(workspace):
    workspace.want([*members(3), ("C9", "a", "true", "no_consent")])
    plan = workspace.plan()
    stored = json.loads((plan.folder / "plan.json").read_text())
    assert stored["total"] == {"added": 3, "changed": 0, "removed": 0, "unchanged": 0}
    assert stored["held_back"] == {"no_consent": 1}
    assert "C000001" not in (plan.folder / "plan.json").read_text()
    assert plan.folder.stat().st_mode & 0o077 == 0  # the rows are the owner's only
    (row,) = workspace.ledger("sync_plans")
    assert (row["plan_id"], row["adds"], row["held_back"], row["status"]) == (
        plan.plan_id,
        3,
        1,
        "planned",
    )


def test_plan_ids_sort_by_time_and_the_latest_is_applied(workspace, braze):
    workspace.want(members(3))
    first = workspace.plan()
    workspace.want(members(2))
    second = workspace.plan()
    assert first.plan_id < second.plan_id
    with workspace.warehouse() as warehouse:
        assert open_plans(workspace.settings, warehouse) == [second.plan_id]
    with pytest.raises(SyncError, match="overtaken") as error:
        workspace.apply(first.plan_id)
    assert second.plan_id in error.value.fix
    assert workspace.apply().plan_id == second.plan_id
    assert len(braze.users()) == 2
    with workspace.warehouse() as warehouse:
        assert open_plans(workspace.settings, warehouse) == []


def test_a_pinned_as_of_does_not_confuse_the_order_of_deliveries(tmp_path, braze):
    workspace = Workspace(tmp_path, braze.url, as_of="'2026-11-01T12:00:00+09:00'")
    for value in ("1", "2", "3"):
        workspace.want([("C1", "a", value)])
        plan = workspace.plan()
        assert f"{plan.as_of:%Y-%m-%dT%H:%M%z}" == "2026-11-01T03:00+0000"
        workspace.apply()
    assert workspace.plan().is_empty
    assert braze.users() == {"C1": {"a": 3}}


def test_a_key_and_field_twice_is_an_error_that_names_the_model(workspace):
    workspace.want([("C1", "a", "1"), ("C1", "a", "2"), ("C1", "b", "1")])
    with pytest.raises(SyncError, match=r"sync_braze__users.*more than one row.*a \(1 keys\)"):
        workspace.plan()
    assert list(workspace.settings.paths.plans.glob("*")) == []


def test_a_value_that_is_not_json_is_refused_while_planning(workspace):
    workspace.want([("C1", "tier", "VIP")])
    with pytest.raises(SyncError, match=r"1 values of 'tier'.*not JSON"):
        workspace.plan()
    assert list(workspace.settings.paths.plans.glob("*")) == []


def test_a_field_name_with_a_meaning_of_its_own_in_braze_is_refused(workspace):
    workspace.want([("C1", "braze_id", '"x"')])
    with pytest.raises(SyncError, match="'braze_id' has a meaning of its own"):
        workspace.plan()


def test_a_model_that_was_never_built_says_to_build(workspace):
    with pytest.raises(SyncError, match="not in the warehouse") as error:
        workspace.plan()
    assert "madang build" in error.value.fix
    assert error.value.where == "models/activation/braze/_braze__exposures.yml:2"


def test_a_model_without_a_column_is_named(workspace):
    workspace.want(members(1))
    with workspace.warehouse() as warehouse:
        relation = warehouse.relation("activation", "sync_braze__users")
        warehouse.execute(f"alter table {relation} drop column held_back_reason")
    with pytest.raises(SyncError, match=r"lacks a column.*held_back_reason"):
        workspace.plan()


def test_an_unknown_sync_gets_a_suggestion(workspace):
    with pytest.raises(UsageError, match="Did you mean 'braze_audiences'"):
        make_plan(workspace.settings, None, "braze_audience")


def test_applying_without_a_plan_says_to_plan(workspace):
    with pytest.raises(SyncError, match="Nothing is planned"):
        workspace.apply()


def test_an_emptied_model_is_stopped_unless_forced(workspace, braze):
    workspace.want(members(5))
    workspace.plan_and_apply()
    workspace.want([])
    assert workspace.plan().status == "guarded"
    with pytest.raises(SyncError, match="all 5 delivered rows would be removed") as error:
        workspace.apply()
    assert "--force" in error.value.fix
    assert all(braze.users().values())
    assert workspace.apply(allow_guards=True).accepted == 5
    assert not any(braze.users().values())


def test_one_audience_that_collapses_is_stopped_though_the_others_stand(workspace, braze):
    kept = members(400, "flagship_interest")
    workspace.want([*kept, *members(120, "yeouido_branch")])
    workspace.plan_and_apply()
    workspace.want([*kept, *members(20, "yeouido_branch")])
    workspace.plan()
    with pytest.raises(SyncError, match=r"100 of 120 .*'yeouido_branch' \(83%\)"):
        workspace.apply()


def test_an_old_plan_is_not_sent(workspace, braze):
    workspace.want(members(5))
    plan = workspace.plan()
    path = plan.folder / "plan.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "created_at": "2026-01-01T00:00:00+00:00"}))
    with pytest.raises(SyncError, match="hours old; the limit is 24"):
        workspace.apply()
    assert braze.log() == []


def test_a_plan_that_was_tampered_with_is_not_sent(workspace, braze):
    workspace.want(members(5))
    plan = workspace.plan()
    with plan.rows_path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(SyncError, match="changed after it was made"):
        workspace.apply()
    plan.rows_path.unlink()
    with pytest.raises(SyncError, match="rows of this plan are gone"):
        workspace.apply()


def test_personal_data_of_a_plan_goes_when_the_plan_is_applied_or_overtaken(workspace):
    workspace.want(members(5))
    overtaken, applied = workspace.plan(), workspace.plan()
    assert not overtaken.rows_path.exists()
    workspace.apply()
    left = [path for path in workspace.settings.paths.plans.rglob("*") if path.is_file()]
    assert {path.name for path in left} == {"plan.json"}
    assert workspace.apply(applied.plan_id).status == "already_applied"


def test_progress_tells_how_far_it_is(workspace):
    workspace.want(members(120))
    workspace.plan()
    lines = []
    workspace.apply(on_step=lines.append)
    assert lines == [f"{sent} of 120 objects sent to braze" for sent in (50, 100, 120)]


def test_progress_of_a_long_run_stays_short(tmp_path, braze):
    workspace = Workspace(tmp_path, braze.url, batch=1)
    workspace.want(members(130))
    workspace.plan()
    lines = []
    workspace.apply(on_step=lines.append)
    assert 30 <= len(lines) <= 40
    assert lines[-1] == "130 of 130 objects sent to braze"


def test_what_waits_for_a_late_source_is_neither_sent_nor_taken_away(workspace, braze):
    workspace.want([("C1", "a", "true"), ("C2", "a", "true"), ("C3", "a", "true")])
    workspace.plan_and_apply()
    late = "late_crm"
    # C1 waits as it was, C4 as new; C2 took the consent back; C3 left the audience
    workspace.want(
        [("C1", "a", "true", late), ("C4", "a", "true", late), ("C2", "a", "true", "withdrawn")]
    )
    plan = workspace.plan()
    assert (plan.added, plan.removed) == (0, 2)
    assert plan.held_back == {late: 2, "withdrawn": 1}
    assert not plan.guards, "consent that is withdrawn must go through"
    workspace.apply()
    assert {key for key, user in braze.users().items() if user.get("a")} == {"C1"}
    workspace.want([("C1", "a", "true"), ("C4", "a", "true")])
    plan = workspace.plan()
    assert (plan.added, plan.removed, plan.unchanged) == (1, 0, 1)


def test_a_row_that_came_to_wait_after_the_plan_is_not_sent(workspace, braze):
    workspace.want([("C1", "a", "true")])
    workspace.plan()
    workspace.want([("C1", "a", "true", "late_consent")])
    workspace.apply()
    assert not braze.users()


def test_two_syncs_that_write_one_field_of_one_key_are_refused(workspace):
    folder = workspace.root / "project/models/activation"
    exposures = folder / "braze/_braze__exposures.yml"
    text = exposures.read_text().replace("sync_braze__users", "sync_braze__others")
    (exposures.parent / "_others.yml").write_text(text.replace("braze_audiences", "braze_others"))
    (folder / "sync_braze__others.sql").write_text("select 1\n")
    workspace.want(members(5))
    with workspace.warehouse() as warehouse:
        ours, theirs = (
            warehouse.relation("activation", f"sync_braze__{name}") for name in ("users", "others")
        )
        warehouse.execute(f"create table {theirs} as from {ours} where sync_key > 'C000002'")
    with pytest.raises(SyncError, match=r"flagship_interest \(2 keys\)") as refused:
        workspace.plan()
    assert "braze_others" in refused.value.message
    with workspace.warehouse() as warehouse:
        warehouse.execute(f"update {theirs} set sync_key = concat('D', sync_key)")
    assert workspace.plan().added == 5


def test_the_journal_of_another_workspace_is_refused(tmp_path, braze, monkeypatch):
    one, other = (Workspace(tmp_path / name, braze.url) for name in ("one", "other"))
    for workspace in (one, other):
        workspace.want(members(3))
        workspace.plan()

    def die(self, run_id):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "folded", die)
        with pytest.raises(KeyboardInterrupt):
            one.apply()
    other.settings.paths.journal.unlink()
    shutil.copy(one.settings.paths.journal, other.settings.paths.journal)
    with pytest.raises(SyncError, match="belongs to another workspace"):
        other.plan()
    one.settings.paths.journal.unlink()  # what it held is in the ledger already
    assert one.plan().is_empty
