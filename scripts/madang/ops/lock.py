"""Keeps two runs of one workspace apart, by a file lock of the operating system."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from madang import private, scratch
from madang.config import Settings
from madang.errors import MadangError
from madang.ops import rights

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
    private.folder(path.parent)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                f"Another run is at work in this workspace: {_holder(path.read_text())}.",
                where=str(settings.root),
                fix="Wait for it to end. Nothing was changed.",
            ) from error
        file.truncate(0)
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        json.dump({"pid": os.getpid(), "command": command, "since": since}, file)
        file.flush()
        try:
            rights.tighten(settings)
            rights.sweep(settings)
            with scratch.for_libraries(settings.paths.scratch):
                yield
        finally:
            file.truncate(0)


def _holder(text: str) -> str:
    try:
        held = json.loads(text)
        since = datetime.fromisoformat(held["since"])
        return (
            f"madang {held['command']}, process id {held['pid']}, since {since:%Y-%m-%d %H:%M:%S}"
        )
    except (ValueError, KeyError, TypeError):
        return "it has just begun"
