"""A file as its reader needs it: under a plain name, and without the sign that ends old texts."""

import shutil
from pathlib import Path

END_SIGN = b"\x1a"
BLANK = b" \t\r\n\x00" + END_SIGN
TAIL = 2**16


def plainly_named(path: Path, folder: Path) -> Path:
    """Return a link to a file in `folder`, for a reader that takes names for patterns.

    DuckDB reads a1.csv for a[1].csv, adds a column for a folder x=1, and takes no name that is not
    UTF-8.
    """
    link = folder / f"input{path.suffix.lower()}"
    link.unlink(missing_ok=True)
    link.symlink_to(path.absolute())
    return link


def without_end_sign(path: Path, folder: Path) -> Path:
    """Return a text without the Ctrl-Z (U+001A) that DOS programs end it with, a copy if need be.

    What follows the sign may be blank or more such signs, up to the end of the file; a sign with
    text after it is left where it is.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start, tail = size, b""
        while start and not tail.strip(BLANK):
            start = max(0, start - TAIL)
            file.seek(start)
            tail = file.read(TAIL) + tail
    cut = tail.find(END_SIGN, len(tail.rstrip(BLANK)))
    if cut < 0:
        return path
    cut += start
    if cut % 2 and tail[cut - start - 1 : cut - start] == b"\x00":  # UTF-16, high byte first
        cut -= 1
    target = folder / f"ended{path.suffix.lower()}"
    shutil.copyfile(path, target)
    with target.open("r+b") as file:
        file.truncate(cut)
    return target
