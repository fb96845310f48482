"""The one place for scratch files: a folder of the workspace with a part for each process.

Rows on their way are personal data. A process that is killed cannot remove its part; the next one
does, and tells a dead process by the lock that its part lacks: the lock is the operating system's
and goes with its process, so that a process id that was given again means nothing.
"""

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from madang import private
from madang.errors import MadangError

LOCK = "lock"  # of the folder, and of each part
PREFIX = "madang-"  # of parts: what else is in the folder is not ours
_parts: dict[tuple[Path, str | None], "_Part"] = {}
_making = threading.Lock()


class ScratchError(MadangError):
    """There is no place for scratch files."""


@dataclass(frozen=True)
class _Part:
    """The part of this process. `lock` stays open, and with it locked, as long as it lives."""

    path: Path
    lock: int
    pid: int


@contextlib.contextmanager
def folder(root: Path) -> Iterator[Path]:
    """Give a new folder below `root` (`paths.scratch`); it goes at the end of the `with`.

    Raises ScratchError where none can be made.
    """
    path = Path(tempfile.mkdtemp(dir=part(root)))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def part(root: Path, name: str | None = None) -> Path:
    """Return this process's own part of `root`, made at the first call; it goes with the process.

    Parts of processes that died are removed then. With a `name` it is a further part, which has the
    same path in every process, unless another one that is at work has it. Raises ScratchError where
    none can be made.
    """
    with _making:
        mine = _parts.get((root, name))
        if mine is None or mine.pid != os.getpid() or not mine.path.is_dir():
            try:
                mine = _parts[root, name] = _made(root, name)
            except OSError as error:
                raise ScratchError(
                    f"No scratch files can be written: {error.strerror}.",
                    where=str(root),
                    fix="See to the rights and the space there, or name another folder with "
                    "paths.scratch in madang.yml.",
                ) from error
        return mine.path


def sweep(root: Path) -> int:
    """Remove the parts of processes that died; return how many. Those of living ones stay."""
    if not root.is_dir():
        return 0
    with _alone(root):
        return _sweep(root)


def living(root: Path) -> list[Path]:
    """Return the parts of other processes that are at work now."""
    mine = {one.path for one in _parts.values() if one.pid == os.getpid()}
    return [one for one in _all_parts(root) if one not in mine and _is_alive(one)]


@contextlib.contextmanager
def for_libraries(root: Path) -> Iterator[None]:
    """Let what libraries write to a temporary folder of their own choice stand here, too."""
    before, tempfile.tempdir = tempfile.tempdir, str(part(root))
    try:
        yield
    finally:
        tempfile.tempdir = before


def database(folder: Path, **config: Any) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB in memory that spills into `folder`; by itself it would into `./.tmp`."""
    return duckdb.connect(config={"temp_directory": str(folder), **config})


def _made(root: Path, name: str | None) -> _Part:
    private.folder(root)
    with _alone(root):
        _sweep(root)
        path = root / f"{PREFIX}{name}"
        if name is None or path.exists():
            path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=root))
        private.folder(path)
        lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, private.FILE)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return _Part(path, lock, os.getpid())


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Make and sweep parts one process at a time: a new part has its lock before it is seen."""
    descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, private.FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(root: Path) -> int:
    dead = [one for one in _all_parts(root) if not _is_alive(one)]
    for one in dead:
        shutil.rmtree(one, ignore_errors=True)
    return len(dead)


def _all_parts(root: Path) -> list[Path]:
    return sorted(one for one in root.glob(f"{PREFIX}*") if one.is_dir())


def _is_alive(path: Path) -> bool:
    """Whether a process holds the lock of a part; one of ours counts, another's may not be read."""
    try:
        descriptor = os.open(path / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@atexit.register
def _leave() -> None:
    for one in _parts.values():
        if one.pid == os.getpid():  # a forked child leaves what is its parent's
            shutil.rmtree(one.path, ignore_errors=True)
