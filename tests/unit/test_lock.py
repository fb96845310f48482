"""One run at a time in a workspace, and no lock that outlives its holder."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from madang.lock import BusyError, workspace_lock
from madang.settings.workspace import Settings, load_settings

HOLD = """
import sys
from pathlib import Path
from madang.settings.workspace import load_settings
from madang.lock import workspace_lock
with workspace_lock(load_settings(Path(sys.argv[1])), "build"):
    print("ready", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "madang.yml").write_text("version: 1\n")
    return load_settings(tmp_path)


def holder(settings: Settings) -> subprocess.Popen:
    """Take the lock in a real second process."""
    command = [sys.executable, "-c", HOLD, str(settings.root)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_second_process_is_told_who_holds_it_and_since_when(settings: Settings) -> None:
    process = holder(settings)
    try:
        with pytest.raises(BusyError) as caught, workspace_lock(settings, "run"):
            pass
    finally:
        process.communicate("\n", timeout=20)
    assert f"madang build, process id {process.pid}, since 20" in caught.value.message
    assert caught.value.exit_code == 1
    with workspace_lock(settings, "run"):
        pass


def test_a_killed_holder_leaves_no_lock(settings: Settings) -> None:
    process = holder(settings)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=20)
    with workspace_lock(settings, "run"):
        pass


def test_the_lock_is_given_back_after_an_error(settings: Settings) -> None:
    with pytest.raises(RuntimeError), workspace_lock(settings, "run"):
        raise RuntimeError
    with workspace_lock(settings, "run"):
        pass


def test_two_workspaces_do_not_shut_each_other_out(settings: Settings, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "madang.yml").write_text("version: 1\n")
    with workspace_lock(settings, "run"), workspace_lock(load_settings(other), "run"):
        pass
