"""Takes an erased person out of the workspace's own files, and tells which input files hold them.

What madang writes (rejects, lists of who is gone, logs, pages, plans) is changed; what a company
brings in (uploads, the GA4 export) is theirs, so it is only named.
"""

import codecs
import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from madang import private, scratch
from madang.erase.values import Known
from madang.ingest.calls.inbox import open_inbox
from madang.ingest.files import name_in
from madang.ingest.landing.rejects import HEADERS, MARK
from madang.scratch import ScratchError
from madang.settings.workspace import Settings

PACKED = {".xlsx", ".xlsm", ".ods", ".xlsb", ".zip"}
FILE, VALUE = HEADERS[0], HEADERS[4]
PIECE, LONGEST = 2**24, 2**10  # bytes at once, and of the longest value


class Traces:
    """Finds a person's values in bytes and texts: whole words, in any case of letters."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self._all = [one.encode().lower() for one in known.texts()]
        self._names = [one.encode().lower() for one in known.names()]

    def in_bytes(self, data: bytes, names_only: bool = False) -> bool:
        low = data.lower()
        return any(one in low and _is_word(one, low) for one in self._sought(names_only))

    def in_cell(self, text: str) -> bool:
        known = self.known
        text = text.removeprefix("'")
        both = any(known.has_address(kind, text) for kind in ("email", "phone"))
        return both or self.in_bytes(text.encode())

    def in_file(self, path: Path, names_only: bool = False) -> bool:
        """Look into a file, and into what is packed in it.

        `names_only`: by number, address or telephone, not by ids of records: for large files.
        """
        return any(self.in_bytes(part, names_only) for part in _parts(path))

    def _sought(self, names_only: bool) -> list[bytes]:
        return self._names if names_only else self._all


def _is_word(value: bytes, data: bytes) -> bool:
    word = rb"(?<![a-z0-9])" + re.escape(value) + rb"(?![a-z0-9])"
    return re.search(word, data) is not None


def _parts(path: Path) -> Iterator[bytes]:
    """A file's contents in pieces that overlap, unpacked where its name says that it is packed."""
    try:
        if path.suffix.lower() in PACKED:
            with zipfile.ZipFile(path) as packed:
                for name in packed.namelist():
                    with packed.open(name) as member:
                        yield from _pieces(member)
            return
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as unpacked:
                yield from _pieces(unpacked)
            return
    except (OSError, EOFError, ValueError, RuntimeError, zlib.error, zipfile.BadZipFile):
        pass  # not what its name says: looked at as it is
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            file.seek(0)
            yield file.read().decode("utf-16", errors="replace").encode()
            return
        file.seek(0)
        yield from _pieces(file)


def _pieces(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    end = b""
    while piece := file.read(PIECE):
        yield end + piece
        end = piece[-LONGEST:]


def input_files(
    settings: Settings, traces: Traces, landed: Iterable[str], days: Iterable[str]
) -> list[str]:
    """Return the uploads and shards of the export that hold the person, as their owner names them.

    `landed` are files that rows of the person came from, also where they are gone since.
    """
    inbox = settings.paths.inbox
    found = {f"{inbox.name}/{name}" for name in landed if (inbox / name).is_file()}
    for path in sorted(inbox.rglob("*")) if inbox.is_dir() else []:
        if path.is_file() and traces.in_file(path, names_only=True):
            found.add(f"{inbox.name}/{name_in(inbox, path)}")
    for one in settings.ga4_properties():
        if settings.warehouse.type == "bigquery":
            found |= {f"{one.dataset}.events_{day.replace('-', '')}" for day in days}
        elif one.path is not None:
            for day in days:
                shards = one.path.rglob(f"*{day.replace('-', '')}*")
                found |= {f"{one.path.name}/{shard.relative_to(one.path)}" for shard in shards}
    return sorted(found)


def forget_files(
    settings: Settings,
    traces: Traces,
    inputs: Iterable[str],
    tell: Callable[[dict[str, int]], object],
) -> None:
    """Take the person out of what madang wrote.

    `tell` is called with how many lines or files it will be, by folder, before anything is changed:
    whoever is killed in between and begins again finds less. Raises ScratchError while another
    command has scratch files.
    """
    paths, names = settings.paths, set(inputs)
    uploads = {name.removeprefix(f"{paths.inbox.name}/") for name in names}
    rejects = [_without_rows(one, traces, uploads) for one in sorted(paths.rejects.glob("*.csv"))]
    logs = [one for one in paths.logs.glob("*.log*") if traces.in_file(one)]
    site = [one for one in paths.site.rglob("*") if one.is_file() and traces.in_file(one)]
    plans = [one for which in ("*/*.parquet", "*/.*.partial") for one in paths.plans.glob(which)]
    dead = scratch.sweep(paths.scratch)
    if at_work := scratch.living(paths.scratch):
        raise ScratchError(
            f"Other commands are at work ({len(at_work)}); rows of the person may be in theirs.",
            where=", ".join(map(str, at_work)),
            fix="Wait for them to end, then run 'madang erase' again; it goes on from here.",
        )
    counts = {
        "rejects": sum(one.changed for one in rejects),
        "logs": sum(_holding(one, traces) for one in logs),
        "site": len(site),
        "plans": len(plans),
        "scratch": dead,
    }
    tell({name: count for name, count in counts.items() if count})
    for one in rejects:
        if one.changed:
            with private.whole(one.path, newline="") as file:
                file.write(one.text)
    for path in logs:
        _drop_lines(path, traces)
    for path in (*site, *plans):
        path.unlink(missing_ok=True)


def forget_calls(settings: Settings, traces: Traces) -> int:
    """Forget what the receiver answered about the person; what it took is loaded before."""
    if not settings.paths.received.exists():
        return 0
    inbox = open_inbox(settings.paths.received)
    try:
        forgotten = inbox.forget_answers(lambda text: traces.in_bytes(text.encode()))
        inbox.wipe()
    finally:
        inbox.close()
    return forgotten


@dataclass(frozen=True)
class Rewritten:
    """A file as it is to be, and how many of its lines change by that."""

    path: Path
    text: str
    changed: int


def _without_rows(path: Path, traces: Traces, uploads: set[str]) -> Rewritten:
    """Rejects lose the person's rows; in files that hold the person every value is emptied.

    A value that was refused is often no address that could be recognised.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    head, body = rows[:1], rows[1:]
    kept = [row for row in body if not any(traces.in_cell(cell) for cell in row)]
    changed = len(body) - len(kept)
    if head and head[0][:1] == [FILE]:
        value = head[0].index(VALUE)
        for row in kept:
            if {row[0], row[0].removeprefix("'")} & uploads and row[value]:
                row[value], changed = "", changed + 1
    target = io.StringIO()
    target.write(MARK)
    csv.writer(target).writerows(head + kept)
    return Rewritten(path, target.getvalue(), changed)


def _holding(path: Path, traces: Traces) -> int:
    return sum(traces.in_bytes(line) for line in path.read_bytes().splitlines())


def _drop_lines(path: Path, traces: Traces) -> None:
    """Logs lose lines, in place: whoever appends to one may have it open."""
    lines = path.read_bytes().splitlines(keepends=True)
    with path.open("r+b") as file:
        file.writelines(line for line in lines if not traces.in_bytes(line))
        file.truncate()
