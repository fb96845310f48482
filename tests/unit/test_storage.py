"""What a full, closed or damaged disk is called, whichever library met it."""

import errno
import shutil
import sqlite3
from pathlib import Path

import duckdb
import pytest

from madang.errors import MadangError
from madang.storage import storage_error

ROOT = Path("/workspace")
ERRORS = [
    (OSError(errno.ENOSPC, "No space left on device", "/w/a.csv"), "The disk is full.", "/w/a.csv"),
    (OSError(errno.EROFS, "Read-only file system", "/w"), "This disk is read-only.", "/w"),
    (PermissionError(errno.EACCES, "Permission denied", "/w"), "This user may not use", "/w"),
    (NotADirectoryError(errno.ENOTDIR, "no", "/w/logs"), "A file stands where a folder", "/w/logs"),
    (
        duckdb.IOException('IO Error: Could not write file "/w/x.wal": No space left on device'),
        "The disk is full.",
        "/w/x.wal",
    ),
    (
        duckdb.OutOfMemoryException("failed to offload: the 'max_temp_directory_size' setting"),
        "The disk is full.",
        str(ROOT),
    ),
    (
        duckdb.IOException('IO Error: Cannot open file "/w/x.duckdb": Permission denied'),
        "This user may not use",
        "/w/x.duckdb",
    ),
    (
        shutil.Error([("/a", "/w/b", "[Errno 28] No space left on device: '/w/b'")]),
        "The disk is full.",
        "/w/b",
    ),
    (sqlite3.OperationalError("database or disk is full"), "The disk is full.", str(ROOT)),
    (sqlite3.OperationalError("attempt to write a readonly database"), "This disk is", str(ROOT)),
    (sqlite3.OperationalError("unable to open database file"), "used: unable", str(ROOT)),
    (sqlite3.DatabaseError("file is not a database"), "is damaged", str(ROOT)),
]


@pytest.mark.parametrize(("error", "message", "where"), ERRORS)
def test_the_storage_is_named_with_its_place(error: Exception, message: str, where: str) -> None:
    found = storage_error(error, ROOT)
    assert found is not None
    assert message in found.message
    assert found.where == where
    assert found.fix
    assert found.exit_code == 1


def test_the_first_error_counts_where_a_library_hid_it() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "/w/a")
        except OSError:
            raise duckdb.TransactionException("no transaction is active") from None
    except duckdb.Error as error:
        found = storage_error(error)
    assert found is not None
    assert found.message == "The disk is full."


@pytest.mark.parametrize(
    "error",
    [
        ValueError("No space left on device"),  # a value of a file may say so
        duckdb.ConversionException("Could not convert string 'permission denied' to INT32"),
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        MadangError("The disk is full of errors."),
    ],
)
def test_other_errors_are_left_alone(error: Exception) -> None:
    assert storage_error(error) is None
