"""Gives the engine ICU's table of compatibility normalisation, which its build leaves out.

ICU looks its data up in a package that is linked in; the engine's is a stub with an empty table of
contents. The table is put into the instance's memory and the stub's contents point at it, so that
ICU itself does the folding. Nothing else of ICU's data is there: collation and public suffixes stay
unknown to the engine.
"""

import struct
from pathlib import Path
from typing import Protocol

TABLE = Path(__file__).parent / "icu" / "nfkc.nrm"
NAME = b"icudt76l/nfkc.nrm\0"
# An empty package: header of 32 bytes with the pointers' format and the name; then the contents.
STUB = b"ToCP\x01\0\0\0\0\0\0\0stubdata"
STUB_OFFSET = 12
HEADER_SIZE = 32
OFFSETS_FORMAT = b"CmnD"
ALIGNMENT = 16


class Memory(Protocol):
    """An instance of the engine, as far as its memory goes."""

    def memory_size(self) -> int: ...

    def allocate_bytes(self, size: int) -> int: ...

    def read_bytes(self, ptr: int, size: int) -> bytes: ...

    def write_bytes(self, ptr: int, data: bytes) -> None: ...


def install(instance: Memory) -> None:
    """Put the table into a fresh instance.

    Raises LookupError where the engine's build is another one.
    """
    found = instance.read_bytes(0, instance.memory_size()).find(STUB)
    if found < 0:
        raise LookupError("The engine has no empty ICU package: its build is not the one expected.")
    contents = found - STUB_OFFSET + HEADER_SIZE
    table = TABLE.read_bytes()
    block = instance.allocate_bytes(len(table) + len(NAME) + 2 * ALIGNMENT)
    data = -(-block // ALIGNMENT) * ALIGNMENT
    name = data + len(table)
    instance.write_bytes(data, table + NAME)
    entries = struct.pack("<III", 1, name - contents, data - contents)
    instance.write_bytes(contents, entries)
    instance.write_bytes(found, OFFSETS_FORMAT)
