"""Keeps two runs of one workspace apart, by a file lock of the operating system."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from madang import private, scratch
from madang.errors import MadangError
from madang.health import rights
from madang.settings.workspace import Settings
from madang.storage import storage_error
from madang.times import told

NAME = "run.lock"


class BusyError(MadangError):
    """Another command is at work in this workspace."""


@contextmanager
def workspace_lock(settings: Settings, command: str) -> Iterator[None]:
    """Hold the workspace until the end. Raises BusyError that says who holds it, since when.

    The lock belongs to the open file, so it goes with its process however that ends: a lock cannot
    be left behind. The file only tells who holds it.
    """
    path = settings.paths.logs / NAME
    private.only_owner()
    try:
        private.folder(path.parent)
        lock = path.open("ab", buffering=0)
    except OSError as error:
        raise storage_error(error, path) or error from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                f"Another run is at work in this workspace: {_holder(settings, path)}.",
                where=str(settings.root),
                fix="Wait for it to end. Nothing was changed.",
            ) from error
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "command": command, "since": since}
        try:
            lock.truncate(0)
            lock.write(json.dumps(holder).encode())
        except OSError as error:
            raise storage_error(error, path) or error from None
        try:
            rights.tighten(settings)
            rights.sweep(settings)
            with scratch.for_libraries(settings.paths.scratch):
                yield
        finally:
            lock.truncate(0)


def at_work(settings: Settings) -> str | None:
    """Say which command holds the workspace now, without waiting for it; None where none does.

    A killed one leaves its name in the file, and its process id may be another process's by now:
    only then is the lock tried, which for that moment would keep a command out.
    """
    path = settings.paths.logs / NAME
    try:
        with path.open(encoding="utf-8") as file:
            os.kill(json.load(file)["pid"], 0)
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return _holder(settings, path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


def _holder(settings: Settings, path: Path) -> str:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        since = told(datetime.fromisoformat(held["since"]), settings.timezone)
        return f"madang {held['command']}, process id {held['pid']}, since {since}"
    except (ValueError, KeyError, TypeError):
        return "it has just begun"
