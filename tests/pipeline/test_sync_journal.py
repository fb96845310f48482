"""A journal that is damaged, locked, or something else: told plainly, in every command."""

import sqlite3
from contextlib import closing

import pytest

from madang.health.doctor import examine
from madang.health.overview import status_of
from madang.sandbox.braze import BrazeSandbox
from madang.sync import DestinationDown, SyncError, deletions
from sync_workspace import KEY, Workspace, members


@pytest.fixture
def workspace(tmp_path):
    """A workspace whose run was cut off, so that its journal holds batches."""
    with BrazeSandbox(key=KEY) as braze:
        made = Workspace(tmp_path, braze.url, batch=10)
        made.want(members(30))
        made.plan()
        braze.faults.add("status", times=None, after=2, status=503)
        with pytest.raises(DestinationDown):
            made.apply()
        deletions.queue(made.settings, "an-erasure", ["braze"], ["C000001"])
        braze.faults.clear()
        yield made


def flip(path, start, count):
    data = path.read_bytes()
    middle = bytes(byte ^ 255 for byte in data[start : start + count])
    path.write_bytes(data[:start] + middle + data[start + count :])


def every_command(workspace):
    """What each command says that needs the journal."""
    settings = workspace.settings
    for act in (
        workspace.plan,
        workspace.apply,
        lambda: deletions.queue(settings, "another", ["braze"], ["C2"]),
        lambda: deletions.send(settings),
        lambda: deletions.done(settings, "another"),
    ):
        with pytest.raises(SyncError) as caught:
            act()
        yield caught.value


@pytest.mark.parametrize(("start", "count"), [(5000, 4000), (100, 3000), (0, 50), (4096, 20)])
def test_a_damaged_journal_is_told_with_what_to_do(workspace, start, count):
    path = workspace.settings.paths.journal
    flip(path, start, count)
    for error in every_command(workspace):
        assert "The journal of the syncs cannot be used" in error.message
        assert str(path) in error.where and "move it away" in error.fix
    (found,) = [one for one in examine(workspace.settings) if one.name == "journal"]
    assert found.status == "problem" and "move it away" in found.fix
    attention = status_of(workspace.settings)["attention"]
    assert [one["level"] for one in attention if one["what"] == "journal"] == ["failed"]


@pytest.mark.parametrize("content", [b"", b"not a database at all " * 50, b"SQLite format 3\0"])
def test_a_journal_that_is_something_else_is_told_or_begun_anew(workspace, content):
    path = workspace.settings.paths.journal
    path.write_bytes(content)
    try:
        workspace.plan()
    except SyncError as error:
        assert "cannot be used" in error.message and error.fix


def test_a_journal_that_another_program_holds_is_told(workspace, monkeypatch):
    path = workspace.settings.paths.journal
    real = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda place, **options: real(place, **{**options, "timeout": 0})
    )
    with closing(real(path, isolation_level=None)) as other:
        other.execute("pragma journal_mode = delete")
        other.execute("begin exclusive")
        for error in every_command(workspace):
            assert "Close it" in error.fix
        with pytest.raises(SyncError, match="locked"):
            deletions.waiting(workspace.settings)
        (found,) = [
            one for one in status_of(workspace.settings)["attention"] if one["what"] == "journal"
        ]
        assert "Close it" in found["fix"]


def test_a_folder_in_the_place_of_the_journal_or_its_lock_is_told(workspace):
    path = workspace.settings.paths.journal
    for one in (path, path.with_name(f"{path.name}.lock")):
        one.unlink()
        one.mkdir()
        for error in every_command(workspace):
            assert "permissions" in error.fix
        one.rmdir()


def test_a_damaged_lock_is_told_apart_from_the_journal(workspace):
    path = workspace.settings.paths.journal
    lock = path.with_name(f"{path.name}.lock")
    lock.write_bytes(b"garbage " * 100)
    for error in every_command(workspace):
        assert error.where == str(lock) and "Delete this file" in error.fix


def test_an_entry_that_cannot_be_read_is_told(workspace):
    with closing(sqlite3.connect(workspace.settings.paths.journal)) as journal, journal:
        journal.execute("update runs set is_folded = 0, requests = 'many'")
    with pytest.raises(SyncError, match="a run cannot be read"):
        workspace.plan()
