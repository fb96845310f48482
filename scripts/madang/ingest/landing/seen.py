"""What stood in which file: by name, size and times, so that a known file is not read again."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from madang.ingest.errors import FileRefused
from madang.ingest.landing.land import add_rows
from madang.warehouse import Warehouse

TABLE = "_seen_files"
COLUMNS = {
    "file": "varchar",
    "size": "bigint",
    "modified_ns": "bigint",
    "changed_ns": "bigint",
    "sha256": "varchar",
    "seen_at": "timestamp",
}
# A file that was written so shortly before it was read may be written again within one tick.
SETTLED_NS = 2 * 10**9


@dataclass(frozen=True)
class Stamp:
    """A file's metadata. Two equal stamps of one name are one content."""

    file: str
    size: int
    modified_ns: int
    changed_ns: int

    @property
    def is_settled(self) -> bool:
        """Whether the last change lies long enough back to be told from the next one."""
        return time.time_ns() - max(self.modified_ns, self.changed_ns) > SETTLED_NS


def stamp_of(path: Path, name: str) -> Stamp:
    """Return a file's stamp. Raises FileRefused where it cannot be opened."""
    try:
        found = path.stat()
    except OSError as error:
        raise _unopened(error) from error
    return Stamp(name, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file. Raises FileRefused where it cannot be opened."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unopened(error) from error


def _unopened(error: OSError) -> FileRefused:
    return FileRefused(
        f"The file cannot be opened: {error.strerror}.",
        fix="Close it in other programs and check its permissions.",
    )


def seen_files(warehouse: Warehouse) -> dict[Stamp, str]:
    """Return the SHA-256 of every content that was read before, by stamp."""
    if not warehouse.exists("raw", TABLE):
        return {}
    rows = warehouse.fetch(
        "select file, size, modified_ns, changed_ns, sha256 "
        f"from {warehouse.relation('raw', TABLE)}"
    )
    return {
        Stamp(row["file"], row["size"], row["modified_ns"], row["changed_ns"]): row["sha256"]
        for row in rows
    }


def remember(warehouse: Warehouse, found: Mapping[Stamp, str]) -> None:
    """Keep what was read in this load."""
    if not found:
        return
    at = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        (stamp.file, stamp.size, stamp.modified_ns, stamp.changed_ns, sha256, at)
        for stamp, sha256 in found.items()
    ]
    add_rows(warehouse, TABLE, COLUMNS, rows)
