"""Reads binary files in a process of its own: a file may end that process, never the load.

Workbooks, Parquet and Avro are read by native code. A file can make it panic, ask for hundreds of
gigabytes and abort, or never end. One process serves a whole load: it begins with the first file
that needs it, and anew after a death. It has a limit of memory. What crosses between the two is a
function with its arguments, and its result: rows stay on disk.
"""

import os
import pickle
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self, TypeVar

from madang.errors import MadangError
from madang.ingest.errors import FileRefused, Unforeseen

MOST_MEMORY = 4 * 2**30
MOST_SECONDS = 30 * 60  # for one file
SMALLER = (
    "Delete what stands far outside the table, or split the file; or save the table alone as CSV "
    "(UTF-8), which may be of any size."
)
TOO_LARGE = f"Reading the file needs more than {MOST_MEMORY >> 30} GB of memory, which is the limit"

Answer = TypeVar("Answer")


class Reader:
    """The process, from its first question on; gone at the end of the `with`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def call(self, function: Callable[..., Answer], *arguments: object) -> Answer:
        """Return what a function of a module says over there.

        Raises FileRefused when the process dies of it, needs too much memory or does not answer;
        the MadangError that the function raised; Unforeseen for anything else that it raised.
        """
        if self._process is None:
            self._begin()
        assert self._process and self._process.stdin and self._process.stdout
        try:
            pickle.dump((function, arguments), self._process.stdin)
            self._process.stdin.flush()
            if not select.select([self._process.stdout], [], [], MOST_SECONDS)[0]:
                raise FileRefused(
                    f"The file was not read after {MOST_SECONDS // 60} minutes, which is the "
                    "limit; it is damaged or far too large.",
                    fix=SMALLER,
                )
            result, error = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError) as died:
            raise _dead(self._end()) from died
        except BaseException:  # the answer is not to be taken for that of the next question
            self._end()
            raise
        if error is None:
            return result
        if isinstance(error, Unforeseen) and error.kind == MemoryError.__name__:
            self._end()
            raise FileRefused(f"{TOO_LARGE}.", fix=SMALLER) from error
        raise error

    def _begin(self) -> None:
        """-P: a folder's own json.py is not imported. What is printed over there may be values."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "RUST_BACKTRACE": "0"},
        )

    def _end(self) -> int:
        """End the process and return its exit code; it may have ended by itself."""
        process, self._process = self._process, None
        if process is None:
            return 0
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        try:
            return process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def _dead(code: int) -> FileRefused:
    how = f"exit code {code}"
    with suppress(ValueError):
        how = signal.Signals(-code).name
    return FileRefused(
        f"The file ended the process that was to read it ({how}): it is damaged, or a value stands "
        f"far outside its table, so that more than {MOST_MEMORY >> 30} GB of memory were asked "
        "for, which is the limit.",
        fix=SMALLER,
    )


def _limit() -> None:
    """No more memory than the limit, where the system knows such; no memory image in a file."""
    for kind, most in ((resource.RLIMIT_AS, MOST_MEMORY), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (least, least))


def _answer(function: Callable[..., Any], arguments: tuple) -> tuple[Any, BaseException | None]:
    try:
        return function(*arguments), None
    except MadangError as error:
        error.__cause__ = error.__context__ = None
        return None, error.with_traceback(None)
    except OSError as error:  # such as a full disk, which no file is to blame for
        return None, error.with_traceback(None)
    except BaseException as error:  # a panic of native code is no Exception
        return None, Unforeseen.of(error)


def serve() -> None:
    """Answer until the other side is gone; it is the one that hears an interrupt."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what native code prints is no answer
    with suppress(EOFError, BrokenPipeError):
        while True:
            answer = _answer(*pickle.load(sys.stdin.buffer))
            pickle.dump(answer, answers)
            answers.flush()


if __name__ == "__main__":
    serve()
