"""Loads google/zetasql, compiled to WebAssembly in PyPI's `zetasql`, fast.

Compiled once, kept in a cache folder.
"""

import contextlib
import ctypes
import hashlib
import os
from importlib.metadata import version
from pathlib import Path

import wasmtime
from google.protobuf.message import Message
from zetasql.core.wasm_client import WasmClient, get_tzinfo_dir
from zetasql.wasi import get_wasm_path

from local_bigquery import unicode_data


def cache_folder() -> Path:
    """Where the compiled module lies (75 MB).

    MADANG_GOOGLESQL_CACHE, else the user's cache folder.
    """
    if chosen := os.environ.get("MADANG_GOOGLESQL_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "madang" / "googlesql"


class CachedWasmClient(WasmClient):
    """The package's client with two costs taken out of it.

    Compiling takes 12 to 18 seconds and a gigabyte: the machine code is kept on disk, by the
    module's and the runtime's version. Its copies in and out of the module's memory go byte by
    byte: here they are one `memmove`.
    """

    def __init__(self) -> None:
        config = wasmtime.Config()
        with contextlib.suppress(AttributeError):
            config.shared_memory = True
        self.engine = wasmtime.Engine(config)
        self.module = _compiled(self.engine)
        self.start()

    def start(self) -> None:
        """Begin with a fresh instance. One that has trapped must not be used again."""
        wasi = wasmtime.WasiConfig()
        wasi.inherit_stderr()
        if zones := get_tzinfo_dir():
            wasi.preopen_dir(zones, "/usr/share/zoneinfo")
        self.store = wasmtime.Store(self.engine)
        self.store.set_wasi(wasi)
        linker = wasmtime.Linker(self.engine)
        linker.define_wasi()
        self.instance = linker.instantiate(self.store, self.module)
        self.exports = self.instance.exports(self.store)
        with contextlib.suppress(KeyError):
            self.exports["_initialize"](self.store)
        self.memory = self.exports["memory"]
        unicode_data.install(self)

    def call(self, method: str, request: Message, response: type[Message], more: bytes) -> Message:
        """Call the engine with a request, to which `more` fields are added in bytes."""
        answer = self._call_grpc_method(method, request.SerializeToString() + more)
        return response.FromString(answer)

    def memory_size(self) -> int:
        return self.memory.data_len()

    def write_bytes(self, ptr: int, data: bytes) -> None:
        ctypes.memmove(self._address(ptr), data, len(data))

    def read_bytes(self, ptr: int, size: int) -> bytes:
        return ctypes.string_at(self._address(ptr), size)

    def _address(self, ptr: int) -> int:
        return ctypes.addressof(self.memory.data_ptr().contents) + (ptr & 0xFFFFFFFF)


def _compiled(engine: wasmtime.Engine) -> wasmtime.Module:
    """The compiled module from the cache, where it is put first if it is not there."""
    code = Path(get_wasm_path()).read_bytes()
    name = f"{hashlib.sha256(code).hexdigest()[:16]}-wasmtime-{version('wasmtime')}.cwasm"
    cached = cache_folder() / name
    if cached.exists():
        with contextlib.suppress(wasmtime.WasmtimeError):  # another machine's, or cut off
            return wasmtime.Module.deserialize_file(engine, str(cached))
    module = wasmtime.Module(engine, code)
    cached.parent.mkdir(parents=True, exist_ok=True)
    written = cached.with_suffix(f".{os.getpid()}")
    written.write_bytes(module.serialize())
    written.replace(cached)
    return module
