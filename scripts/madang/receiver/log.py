"""One plain line a call: who, what came of it, how long. No bodies, keys or addresses."""

import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(slots=True)
class Line:
    """What is told of a call. `code` names a refusal."""

    path: str
    status: int = 500
    partner: str = "-"
    key_id: str = "-"
    request_id: str = "-"
    code: str = "-"
    size: int = 0
    accepted: int = 0
    refused: int = 0
    is_replay: bool = False


@contextmanager
def logged(path: str) -> Iterator[Line]:
    """Write the line of a call at its end, also when it ends in an error nobody foresaw."""
    begun = time.perf_counter()
    line = Line(path)
    try:
        yield line
    except Exception as error:
        say("fault", type(error).__name__, " < ".join(_places(error)))
        raise
    finally:
        say(
            f"POST {line.path} {line.status}",
            f"partner={line.partner} key={line.key_id} request={line.request_id}",
            f"accepted={line.accepted} refused={line.refused}",
            f"replayed={'yes' if line.is_replay else 'no'} problem={line.code}",
            f"bytes={line.size} ms={(time.perf_counter() - begun) * 1000:.1f}",
        )


def say(*words: str) -> None:
    """Write one line with the moment in UTC to the standard output."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    sys.stdout.write(f"{now} {' '.join(words)}\n")
    sys.stdout.flush()


def _places(error: BaseException) -> list[str]:
    """Where an error arose, innermost first: its message could hold a value."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames)]
