"""Reads one file of Braze Currents into lines on disk, in the process apart.

Files of one event type, or of types with the same fields, share a file of lines.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from madang.ingest.errors import FileRefused
from madang.ingest.landing.spool_lines import BETWEEN, LONGEST, line_of

OTHER = "other_fields"
IN_PATH = re.compile(r"(?:^|/)event_type=([^/]+)/")


@dataclass(frozen=True)
class ReadEvents:
    """What one file holds: its `count` events are at the end of `lines`, now of `size` bytes.

    `names` are the columns of a line after the numbers of the file and of the row; the others are
    those of `avro_events.Events`.
    """

    event_type: str
    names: tuple[str, ...]
    booleans: tuple[str, ...]
    unknown: tuple[str, ...]
    without_id: list[int]
    count: int
    lines: Path
    size: int


def read_events(
    path: Path, name: str, columns: Sequence[str], folder: Path, number: int
) -> ReadEvents:
    """Read the file `path`, called `name`, and add its events to a file of lines in `folder`.

    `number` tells its lines from those of others. Raises FileRefused where it is damaged; whoever
    asked cuts off the lines of a file that failed.
    """
    from madang.ingest.currents.avro_events import open_events

    events = open_events(path.read_bytes(), name, columns)
    shape = hashlib.sha256(repr((events.names, events.booleans)).encode()).hexdigest()[:16]
    lines, count = folder / f"{shape}.csv", 0
    with lines.open("a", encoding="utf-8", newline="") as target:
        for row in events.rows:
            line = line_of(
                [
                    value if value.__class__ is str else "" if value is None else str(value)
                    for value in row
                ]
            )
            if len(line) > LONGEST:
                raise FileRefused(
                    f"An event holds more than {LONGEST:,} signs, which is the limit.",
                    fix="Ask Braze's support about this file.",
                )
            target.write(f"{number}{BETWEEN}{line}\n")
            count += 1
    return ReadEvents(
        events.event_type,
        events.names,
        events.booleans,
        events.unknown,
        events.without_id,
        count,
        lines,
        lines.stat().st_size,
    )
