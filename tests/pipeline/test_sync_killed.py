"""A run that is killed, really and anywhere, loses nothing and sends nothing accepted twice."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from demo_workspace import SUPPORT
from madang.lock import workspace_lock
from madang.people.sendings import sendings
from madang.sandbox.braze import BrazeSandbox
from madang.settings.workspace import load_settings
from madang.sync import SyncError, ledger
from madang.sync.journal import Journal
from madang.warehouse import WarehouseError
from sync_place import counted
from sync_workspace import KEY, Workspace, members

APPLY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from sync_workspace import Workspace
workspace = Workspace.existing(Path(sys.argv[2]))
workspace.apply()
"""


@pytest.fixture
def braze():
    with BrazeSandbox(key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def workspace(tmp_path, braze):
    return Workspace(tmp_path, braze.url, batch=10)


def killed_after(workspace: Workspace, braze: BrazeSandbox, requests: int) -> None:
    """Apply in another process and kill it once Braze has seen so many requests."""
    begun = len(braze.log())
    process = subprocess.Popen(
        [sys.executable, "-c", APPLY, str(SUPPORT), str(workspace.root)],
        env={**os.environ},
    )
    deadline = time.monotonic() + 30
    while len(braze.log()) - begun < requests and process.poll() is None:
        assert time.monotonic() < deadline, "the process never sent that much"
        time.sleep(0.002)
    assert process.poll() is None, "the process ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("requests", [1, 7, 23])
def test_a_killed_run_goes_on_where_it_stopped(workspace, braze, requests):
    rows = members(300)
    workspace.want(rows)
    workspace.plan()
    braze.faults.add("slow", times=None, seconds=0.02)
    killed_after(workspace, braze, requests)
    time.sleep(0.1)  # what was in flight may still arrive
    braze.faults.clear()
    before = braze.writes()
    assert 0 < len(before) < 300
    result = workspace.apply()
    after = braze.writes()
    assert braze.users() == {key: {"flagship_interest": True} for key, *_ in rows}
    assert result.is_resumed
    again = {key for key, times in after.items() if times > 1}
    assert len(again) <= 10, "more than the batch in flight was sent again"
    assert max(after.values()) <= 2
    statuses = [run["status"] for run in workspace.ledger("sync_runs")]
    assert statuses == ["interrupted", "succeeded"]
    accepted = workspace.ledger("sync_deliveries", "status = 'accepted'")
    assert len(accepted) == len({row["sync_key"] for row in accepted}) == 300
    assert counted(workspace) == {("flagship_interest", "add", "accepted"): 300}
    assert workspace.plan().is_empty


def test_killed_again_and_again_it_still_arrives_once(workspace, braze):
    rows = members(300)
    workspace.want(rows)
    workspace.plan()
    braze.faults.add("slow", times=None, seconds=0.02)
    for _ in range(3):
        killed_after(workspace, braze, 5)
        time.sleep(0.1)
    workspace.apply()
    assert len(braze.users()) == 300
    assert sum(times - 1 for times in braze.writes().values()) <= 30


def test_a_new_plan_after_a_kill_does_not_repeat_what_was_accepted(workspace, braze):
    workspace.want(members(300))
    workspace.plan()
    braze.faults.add("slow", times=None, seconds=0.02)
    killed_after(workspace, braze, 10)
    time.sleep(0.1)
    braze.faults.clear()
    arrived = len(braze.users())
    plan = workspace.plan()
    assert 300 - arrived <= plan.added + plan.changed <= 300 - arrived + 10
    workspace.apply()
    assert len(braze.users()) == 300


def test_what_a_killed_run_sent_is_told_before_the_next_command(workspace, braze):
    workspace.want(members(300))
    workspace.plan()
    braze.faults.add("slow", times=None, seconds=0.02)
    killed_after(workspace, braze, 5)
    keys = {"braze_audiences": [key for key, *_ in members(300)]}
    with workspace.warehouse() as warehouse:
        told = sendings(workspace.settings, warehouse, keys)
    assert len(told) == 300
    found = Counter(one.outcome for one in told)
    assert found["accepted"] in (40, 50)
    assert found["sent, no answer yet"] in (0, 10)
    assert found.total() == 300 and len(found) <= 3
    time.sleep(0.1)
    braze.faults.clear()
    workspace.apply()
    with workspace.warehouse() as warehouse:
        after = sendings(workspace.settings, warehouse, keys)
    assert Counter(one.outcome for one in after)["accepted"] == 300


def test_who_left_while_a_send_was_in_doubt_is_removed(workspace, braze):
    """Sent, no answer, then not wanted any more: it may be there, so it must be removed."""
    workspace.want(members(10))
    workspace.plan()
    braze.faults.add("drop_after", times=None)
    with pytest.raises(Exception, match="down"):
        workspace.apply()
    braze.faults.clear()
    assert len(braze.users()) == 10
    (status,) = {row["status"] for row in workspace.ledger("sync_deliveries")}
    assert status == "unknown"
    assert counted(workspace) == {("flagship_interest", "add", "unknown"): 10}
    workspace.want(members(1))
    plan = workspace.plan()
    assert (plan.changed, plan.removed) == (1, 9)
    workspace.apply()
    assert [bool(attributes) for attributes in braze.users().values()] == [True] + [False] * 9
    assert workspace.plan().is_empty


def test_dying_while_the_receipts_are_written_does_not_double_them(workspace, monkeypatch):
    workspace.want(members(30))
    workspace.plan()

    def die(self, run_id):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "folded", die)
        with pytest.raises(KeyboardInterrupt):
            workspace.apply()
    plan = workspace.plan()
    assert plan.is_empty
    assert len(workspace.ledger("sync_deliveries")) == 30
    assert len(workspace.ledger("sync_runs")) == 1
    assert len(workspace.ledger("sync_batches")) == 3


def test_dying_between_two_ledger_tables_is_mended_by_the_next_command(workspace, monkeypatch):
    workspace.want(members(30))
    workspace.plan()
    real = ledger.files.write

    def die_at_batches(connection, sql, path):
        if "sync_batches" in sql:
            raise KeyboardInterrupt
        return real(connection, sql, path)

    with monkeypatch.context() as patch:
        patch.setattr(ledger.files, "write", die_at_batches)
        with pytest.raises(KeyboardInterrupt):
            workspace.apply()
    assert workspace.plan().is_empty
    assert len(workspace.ledger("sync_deliveries")) == 30
    assert len(workspace.ledger("sync_batches")) == 3
    assert [run["status"] for run in workspace.ledger("sync_runs")] == ["succeeded"]


def test_interrupting_by_hand_keeps_what_was_accepted(workspace, braze):
    workspace.want(members(30))
    workspace.plan()

    def stop(text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workspace.apply(on_step=stop)
    (run,) = workspace.ledger("sync_runs")
    assert (run["status"], run["accepted"]) == ("interrupted", 10)
    assert workspace.apply().accepted == 20
    assert set(braze.writes().values()) == {1}


def test_a_full_disk_at_the_end_does_not_lose_the_receipts(workspace, braze, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    workspace.want(members(10))
    workspace.plan()
    with monkeypatch.context() as patch:
        patch.setattr("madang.sync.ledger.files.load", full)
        result = workspace.apply()
        assert (result.accepted, result.exit_code) == (10, 0)
        assert "no room" in result.note and "wait in the journal" in result.note
        with pytest.raises(SyncError, match="no room") as error:
            workspace.plan()
        assert "Make room" in error.value.fix
    assert workspace.plan().is_empty
    assert len(braze.writes()) == 10


def test_a_warehouse_in_use_at_the_end_does_not_lose_the_receipts(workspace, braze):
    workspace.want(members(30))
    workspace.plan()
    opened = []

    def opener():
        opened.append(1)
        if len(opened) == 4:  # after choosing, asking what is allowed, and taking the rows
            raise WarehouseError("The warehouse file is in use by another process.")
        return Workspace.warehouse(workspace)

    workspace_warehouse, workspace.warehouse = workspace.warehouse, opener
    result = workspace.apply()
    assert result.exit_code == 0
    assert "receipts wait in the journal" in result.note
    workspace.warehouse = workspace_warehouse
    assert workspace.plan().is_empty
    assert len(workspace.ledger("sync_deliveries")) == 30


DYING = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from sync_workspace import Workspace
from madang.sync import engine, files, journal, ledger, plan

def die(*_, **__):
    os._exit(9)

def die_writing(connection, sql, path):
    path.with_name(f".{path.name}.{os.getpid()}.partial").write_bytes(b"rows")
    os._exit(9)

moments = {
    "before the journal": (journal.Journal, "start", die),
    "while spooling": (files, "write", die_writing),
    "with the rows of today": (engine.permits, "spool", die),
    "before the plan is told": (plan, "_store", die),
}
at, name, end = moments[sys.argv[3]]
setattr(at, name, end)
workspace = Workspace.existing(Path(sys.argv[2]))
workspace.plan() if "plan" in sys.argv[3] else workspace.apply()
"""


@pytest.mark.parametrize(
    "moment",
    [
        "before the journal",
        "while spooling",
        "with the rows of today",
        "before the plan is told",
    ],
)
def test_a_killed_command_leaves_no_rows_behind_the_next_ones(workspace, moment):
    workspace.want(members(20))
    if "plan" not in moment:
        workspace.plan()
    command = [sys.executable, "-c", DYING, str(SUPPORT), str(workspace.root), moment]
    assert subprocess.run(command, check=False).returncode == 9
    workspace.want(members(23))
    with workspace_lock(load_settings(workspace.root), "run"):
        workspace.plan_and_apply()
    assert not list((workspace.root / "plans").rglob("*.parquet"))
    assert not list((workspace.root / "plans").rglob(".*"))
    others = [path for path in (workspace.root / "scratch").rglob("*.*") if path.is_file()]
    assert others == []
    assert workspace.plan().status == "empty"
