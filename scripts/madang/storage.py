"""Says in plain words that a disk is full, read-only or closed to us, whichever library met it."""

import errno
import os
import re
import shutil
import sqlite3
from pathlib import Path

from madang.errors import MadangError

FULL, READ_ONLY, CLOSED = "full", "read-only", "closed"
NO_FOLDER, UNUSABLE, DAMAGED = "no folder", "unusable", "damaged"
BY_ERRNO = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), FULL),
    errno.EROFS: READ_ONLY,
    **dict.fromkeys((errno.EACCES, errno.EPERM), CLOSED),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), NO_FOLDER),
    **dict.fromkeys((errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EIO), UNUSABLE),
}
#: What DuckDB, SQLite and the operating system write into their messages.
BY_WORDS = (
    (
        FULL,
        re.compile(
            r"no space left on device|disk is full|disk quota exceeded|max_temp_directory_size"
            r"|could not write all bytes",
            re.IGNORECASE,
        ),
    ),
    (READ_ONLY, re.compile(r"read-only file system|readonly database", re.IGNORECASE)),
    (DAMAGED, re.compile(r"file is not a database|disk image is malformed", re.IGNORECASE)),
    (CLOSED, re.compile(r"IO Error.*(permission denied|operation not permitted)", re.I | re.S)),
)
MESSAGES = {
    FULL: "The disk is full.",
    READ_ONLY: "This disk is read-only.",
    CLOSED: "This user may not use this file or folder.",
    NO_FOLDER: "A file stands where a folder is needed.",
    UNUSABLE: "This file or folder cannot be used: {}.",
    DAMAGED: "A file of the workspace is damaged: it is no SQLite database any more.",
}
FIXES = {
    FULL: "Make room there (a build needs about the warehouse's size once more), or move the "
    "folder in madang.yml. Then run it again: it goes on or begins anew.",
    READ_ONLY: "Mount it writable, or name other folders in madang.yml (paths, warehouse.path). "
    "status, explain, audiences, check and doctor work without writing.",
    CLOSED: "Give the user that runs madang the right to read and write there, or name another "
    "folder in madang.yml.",
    NO_FOLDER: "Move it away, or correct the path in madang.yml.",
    DAMAGED: "'madang doctor' says which. Keep it, and put its last backup back.",
    UNUSABLE: "Correct the path in madang.yml, or move what is there away.",
}
#: With less than this nothing can be built or loaded.
NO_ROOM = 16 << 20
QUOTED = re.compile(r"\"([^\"\n]*/[^\"\n]*)\"|'([^'\n]*/[^'\n]*)'")


class StorageError(MadangError):
    """A disk, folder or file does not take what has to be written, or does not give it."""

    def __init__(self, kind: str, where: str | None, detail: str = "") -> None:
        super().__init__(MESSAGES[kind].format(detail), where=where, fix=FIXES[kind])
        self.kind = kind


def closed(folder: Path) -> Path | None:
    """Return the place where a folder, or what will be its parent, cannot be written to."""
    place = next(one for one in (folder, *folder.parents) if one.exists())
    return None if place.is_dir() and os.access(place, os.W_OK) else place


def free_bytes(folder: Path) -> int:
    """Return what is free on the disk of a folder, for this user."""
    return shutil.disk_usage(folder).free


def storage_error(error: BaseException, path: Path | None = None) -> StorageError | None:
    """Return what an error says about the storage, or None where it is about something else.

    `path` is what was being used, where the error does not name a file. Looks also at the errors
    that led to this one: a library may hide the first one behind its own.
    """
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        if isinstance(one, StorageError):
            return one
        if found := _of_one(one, path):
            return found
        one = one.__cause__ or one.__context__
    return None


def in_words(text: str, path: Path | None = None) -> StorageError | None:
    """Return what a message of a library says about the storage, or None."""
    for kind, words in BY_WORDS:
        if words.search(text):
            return StorageError(kind, _place(text) or (str(path) if path else None))
    return None


def _of_one(error: BaseException, path: Path | None) -> StorageError | None:
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):  # a folder's files
        told = ((in_words(str(why)), to) for _, to, why in error.args[0])
        return next((StorageError(one.kind, _text(to)) for one, to in told if one), None)
    if isinstance(error, OSError):
        kind = BY_ERRNO.get(error.errno or 0)
        if kind is None:
            return None
        where = error.filename2 or error.filename or path
        return StorageError(kind, _text(where), error.strerror or "")
    if isinstance(error, sqlite3.OperationalError) and "unable to open" in str(error):
        return StorageError(UNUSABLE, _text(path), str(error))
    if isinstance(error, sqlite3.Error) or type(error).__module__.partition(".")[0] in (
        "duckdb",
        "_duckdb",
        "pyarrow",
        "dbt",
    ):
        return in_words(str(error), path)
    return None


def _place(text: str) -> str | None:
    found = QUOTED.search(text)
    return next(filter(None, found.groups())) if found else None


def _text(path: object) -> str | None:
    return None if path is None else str(path)
