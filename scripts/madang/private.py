"""Files with personal data: readable by their owner only, written whole or not at all."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

FILE, FOLDER = 0o600, 0o700


def only_owner() -> None:
    """Let this process create files and folders for its owner only, from now on.

    What libraries make on the way (a write-ahead log, a page of dbt's log) is covered by nothing
    else.
    """
    os.umask(0o077)


def folder(path: Path) -> Path:
    """Make a folder for its owner only, unless it is there; return it."""
    path.mkdir(parents=True, exist_ok=True, mode=FOLDER)
    return path


def file(path: Path) -> Path:
    """Make an empty file for its owner only, unless it is there; return it.

    SQLite gives what it writes beside a database the rights of the database.
    """
    folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE))
    return path


@contextlib.contextmanager
def whole(
    path: Path, *, newline: str | None = None, mode: int = FILE, is_new: bool = False
) -> Iterator[IO[str]]:
    """Write a text file whole or not at all, on disk before the old one is gone.

    With `is_new` a file that is there stays as it is: raises FileExistsError.
    """
    folder(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            os.link(partial, path)
        else:
            partial.replace(path)
        _sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """Copy a file of text in UTF-8, whole or not at all."""
    with source.open(encoding="utf-8", newline="") as text, whole(target, newline="") as file:
        shutil.copyfileobj(text, file)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep every other command away from a file while it is read, changed and written.

    The lock is the operating system's and goes with its process; it is the folder's, so that no
    file of its own lies about (decisions are kept in git). What a killed writer left beside the
    file is removed.
    """
    descriptor = os.open(folder(path.parent), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for left in path.parent.glob(f".{path.name}.*.partial"):
            left.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    """Put a rename on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
