"""Finds the encoding of a text file, without holding the file in memory."""

import codecs
from pathlib import Path

from madang.ingest.errors import FileRefused

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CHUNK = 2**20


def encoding_of(path: Path) -> str:
    """Return a text's encoding: by its byte order mark, else UTF-16 without one, UTF-8, CP949.

    CP949 is what Excel writes as CSV on Korean Windows; it contains EUC-KR. All of the file is
    looked at. Raises FileRefused when it is in none of them.
    """
    with path.open("rb") as file:
        head = file.read(4000)
    marked = [name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)]
    if marked:
        tried = marked
    elif head.count(0) > len(head) // 4:
        tried = ["utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"]
    else:
        tried = ["utf-8", "cp949"]
    for encoding in tried:
        if _is_in(path, encoding):
            return encoding
    raise FileRefused(
        f"The text is not in a known encoding (tried {', '.join(tried)}).",
        fix="In Excel choose Save As, 'CSV UTF-8 (comma delimited)'.",
    )


def _is_in(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
