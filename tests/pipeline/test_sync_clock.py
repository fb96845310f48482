"""A clock that is set back or runs ahead at any moment: what is planned and sent stays right."""

from datetime import UTC, datetime, timedelta

import pytest

from madang.health.status import show_status
from madang.sandbox.braze import BrazeSandbox
from madang.sync import clock
from madang.sync.engine import open_plans
from sync_workspace import KEY, Workspace, members

YEAR = 366


class Clock:
    """The machine's clock, so many days off."""

    def __init__(self) -> None:
        self.days = 0

    def now(self, zone=UTC) -> datetime:
        return datetime.now(zone) + timedelta(days=self.days)


@pytest.fixture
def machine(monkeypatch):
    made = Clock()
    monkeypatch.setattr(clock, "datetime", made)
    return made


@pytest.fixture
def braze():
    with BrazeSandbox(key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def workspace(tmp_path, braze):
    return Workspace(tmp_path, braze.url, batch=10)


def withdrawn(count: int, of: int) -> list[tuple]:
    return [(*row, "withdrawn") for row in members(count)] + members(of - count, start=count)


@pytest.mark.parametrize("first", [YEAR, -YEAR, 0])
@pytest.mark.parametrize("planning", [YEAR, -YEAR, 0])
def test_a_withdrawal_is_sent_whatever_the_clock_said_before(
    workspace, braze, machine, first, planning
):
    workspace.want(members(3))
    machine.days = first
    workspace.plan_and_apply()
    workspace.want(withdrawn(2, of=3))
    machine.days = planning
    assert workspace.plan().removed == 2
    assert workspace.apply(allow_guards=True).status == "succeeded"
    assert [key for key, user in braze.users().items() if user] == ["C000002"]
    machine.days = 0
    assert workspace.plan().is_empty
    with workspace.warehouse() as warehouse:
        assert open_plans(workspace.settings, warehouse) == []


@pytest.mark.parametrize("days", [YEAR, -YEAR])
def test_the_last_delivery_counts_also_where_its_clock_was_behind(workspace, braze, machine, days):
    machine.days = days
    for value in ("1", "2"):
        workspace.want([("C1", "a", value)])
        workspace.plan_and_apply()
        machine.days -= 10
    machine.days = 0
    workspace.want([("C1", "a", "1")])
    assert workspace.plan().changed == 1  # Braze holds 2
    workspace.apply()
    assert braze.users() == {"C1": {"a": 1}}


def test_a_clock_set_back_between_plan_and_sending_is_no_reason_to_wait(workspace, braze, machine):
    workspace.want(members(3))
    machine.days = YEAR
    workspace.plan()
    machine.days = 0
    assert workspace.apply().status == "succeeded"
    assert len(braze.users()) == 3


def test_the_rows_of_overtaken_plans_go_whatever_their_ids_say(workspace, machine):
    workspace.want(members(3))
    machine.days = YEAR
    first = workspace.plan()
    machine.days = 0
    second = workspace.plan()
    assert (first.rows_path.exists(), second.rows_path.exists()) == (False, True)


def test_status_shows_the_last_plan_first(workspace, machine, capsys):
    workspace.want(members(1))
    plans = []
    for days in (YEAR, 0, -YEAR):
        machine.days = days
        plans.append(workspace.plan().plan_id)
    show_status(workspace.settings)
    text = capsys.readouterr().out
    assert sorted(plans, key=text.index) == plans[::-1]


def test_a_ledger_without_numbers_is_older_than_every_number(workspace, braze, machine):
    machine.days = YEAR
    workspace.want([("C1", "a", "1")])
    workspace.plan_and_apply()
    with workspace.warehouse() as warehouse:  # as it was before there were numbers
        for table in ("sync_plans", "sync_runs", "sync_deliveries"):
            relation = warehouse.relation("ledger", table)
            warehouse.execute(f"alter table {relation} drop column ledger_no")
    show_status(workspace.settings)
    machine.days = 0
    workspace.want([("C1", "a", "2")])
    assert workspace.plan().changed == 1
    assert workspace.apply().accepted == 1
    assert workspace.plan().is_empty
    assert braze.users() == {"C1": {"a": 2}}
    assert sorted(row["ledger_no"] or 0 for row in workspace.ledger("sync_plans")) == [0, 1, 3]
