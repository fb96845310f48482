"""One request and its answer, in bounded time and memory, whatever the other side does.

The time limit of the library is one for each read, so that an answer of one byte a second never
ends; headers and interim answers (1xx) are read without any limit, and compressed bodies unpack to
a thousand times their size. So the bytes are counted and timed here, below the library.
"""

import io
import json
import socket
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ReadTimeoutError

from madang.errors import MadangError

LEAST_BYTES_PER_SECOND = 16 << 10  # an answer that comes slower, after its timeout, is none
CHUNK = 64 << 10
HEADER_ROOM = 1 << 20  # bytes of headers and interim answers


class Broken(requests.RequestException):
    """An answer that came and cannot be taken: too long, too slow, or not what its headers say."""


@dataclass
class Limits:
    """Of the exchange that is going on: seconds for it, bytes of it, and which limit it broke."""

    seconds: float = 30.0
    most_bytes: int = 4 << 20
    broken: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer. `content` is empty where the body went to a file."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


class _Reader(io.RawIOBase):
    """A socket's bytes, until a limit is reached."""

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self._sock, self._limits = sock, limits
        self._until = time.monotonic() + limits.seconds
        self._read = 0
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open as long as it is read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until + self._read / LEAST_BYTES_PER_SECOND - time.monotonic()
        if left <= 0:
            self._limits.broken = f"it did not answer in full within {self._limits.seconds:.0f} s"
            raise TimeoutError(self._limits.broken)
        self._sock.settimeout(min(left, self._limits.seconds))
        count = self._file.readinto(buffer)
        self._read += count or 0
        if self._read > self._limits.most_bytes + HEADER_ROOM:
            self._limits.broken = "its answer is far too long"
            raise OSError(self._limits.broken)
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


class Bounded(HTTPAdapter):
    """Connections of a session whose answers keep to `limits`, which each exchange sets.

    Of requests that go one after the other to one address, all but the first take the pool, the
    path and the environment's part as the first one found them: that is a third of their time.
    """

    def __init__(self) -> None:
        self._url: str | None = None
        self._around: dict[str, Any] = {}
        self.limits = limits = Limits()

        class Response(HTTPResponse):
            def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
                super().__init__(sock, *args, **named)
                self.fp.close()
                self.fp = io.BufferedReader(_Reader(sock, limits), CHUNK)

        class Plain(HTTPConnection):
            response_class = Response

        class Secure(HTTPSConnection):
            response_class = Response

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self._pools = {"http": PlainPool, "https": SecurePool}
        super().__init__()

    def around(self, asked: requests.Session, url: str) -> Mapping[str, Any]:
        """Return what the environment says of an address: proxies and certificates."""
        if url != self._url:
            self._url = None
            self._around = dict(asked.merge_environment_settings(url, {}, True, None, None))
        return self._around

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        if request.url != self._url:
            self._pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            super().cert_verify(self._pool, request.url, verify, cert)
            self._path = super().request_url(request, proxies)
            self._url = request.url
        return self._pool

    def cert_verify(self, *args: Any) -> None:
        """It was said of the pool when it was taken."""

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        return self._path

    def build_response(self, request: requests.PreparedRequest, found: Any) -> requests.Response:
        made = requests.Response()  # neither cookies nor an encoding: nobody asks for them
        made.status_code, made.raw, made.url = found.status, found, str(request.url)
        made.headers = CaseInsensitiveDict(found.headers)
        return made

    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        super().init_poolmanager(*args, **named)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **named)
        manager.pool_classes_by_scheme = self._pools
        return manager


def session() -> requests.Session:
    """Return a session whose answers are bounded. It asks for nothing but gzip."""
    made = requests.Session()
    made.headers["Accept-Encoding"] = "gzip"
    adapter = Bounded()
    made.mount("https://", adapter)
    made.mount("http://", adapter)
    return made


def exchange(
    asked: requests.Session,
    method: str,
    url: str,
    *,
    timeout: float,
    most_bytes: int = 4 << 20,
    into: Path | None = None,
    **options: Any,
) -> Answer:
    """Ask once, follow no redirect, read the answer: into a file where it is good and `into` says.

    Raises requests.RequestException: `Broken` where an answer came and cannot be taken.
    """
    adapter = asked.get_adapter(url)
    limits = adapter.limits if isinstance(adapter, Bounded) else Limits()
    limits.seconds, limits.most_bytes, limits.broken = timeout, most_bytes, ""
    try:
        request = _prepared(asked, method, url, **options)
        # of the library only what speaks HTTP: no redirects, no cookies, no history
        url = str(request.url)
        if isinstance(adapter, Bounded):
            around = adapter.around(asked, url)
        else:
            around = asked.merge_environment_settings(url, {}, True, None, None)
        with adapter.send(request, timeout=timeout, **around) as found:
            parts = _body(found, most_bytes)
            if into is None or not 200 <= found.status_code < 300:
                content = b"".join(parts)
            else:
                content = b""
                _write(parts, into)
            return Answer(found.status_code, found.headers, content)
    except (requests.RequestException, HTTPError, OSError) as error:
        if limits.broken:
            raise Broken(limits.broken) from None
        if isinstance(error, requests.RequestException):
            raise
        if isinstance(error, ReadTimeoutError):
            raise requests.ReadTimeout("no answer in time") from error
        raise requests.ConnectionError("the connection broke") from error


def _prepared(
    asked: requests.Session, method: str, url: str, **options: Any
) -> requests.PreparedRequest:
    """Return a request with the headers of its session.

    A body of bytes, of which there are many, takes a third of the library's time for it.
    """
    data = options.get("data")
    if not isinstance(data, bytes) or options.keys() - {"data", "headers", "auth"}:
        return asked.prepare_request(requests.Request(method, url, **options))
    made = requests.PreparedRequest()
    made.method, made.url, made.body, made.hooks = method, _plain(url), data, {}
    headers = {**asked.headers, **options.get("headers", {}), "Content-Length": str(len(data))}
    made.headers = CaseInsensitiveDict(headers)
    if auth := options.get("auth"):
        made = auth(made)
    return made


@lru_cache
def _plain(url: str) -> str:
    """Return an address as the library spells it."""
    return str(requests.Request("GET", url).prepare().url)


def read_json(content: bytes | str) -> Any:
    """Return what a JSON text says, None for what is none: also with a key twice, too deep, or with
    a number of thousands of digits.
    """
    try:
        return json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None


def _write(parts: Iterator[bytes], path: Path) -> None:
    with path.open("wb") as target:
        for part in parts:
            try:
                target.write(part)
            except OSError as error:
                raise MadangError(
                    f"An answer cannot be written: {error.strerror}.",
                    where=str(path.parent),
                    fix="See whether the disk is full.",
                ) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice")
    return made


def _body(found: requests.Response, most_bytes: int) -> Iterator[bytes]:
    """Yield the body, unpacked. Raises Broken for one that is too long or wrongly packed."""
    packed = found.headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in ("", "identity", "gzip", "x-gzip"):
        raise Broken("its answer is packed in a way that was not asked for")
    unpacked, gzip = 0, zlib.decompressobj(wbits=31) if "gzip" in packed else None
    while data := found.raw.read(CHUNK, decode_content=False):
        if gzip is None:
            unpacked += len(data)
            if unpacked > most_bytes:
                raise Broken("its answer is far too long")
            yield data
            continue
        while data:
            if gzip.eof:
                gzip = zlib.decompressobj(wbits=31)
            try:
                part = gzip.decompress(data, CHUNK * 16)
            except zlib.error:
                raise Broken("its answer is damaged gzip") from None
            unpacked += len(part)
            if unpacked > most_bytes:
                raise Broken("its answer unpacks to far too much")
            data = gzip.unconsumed_tail or gzip.unused_data
            yield part
    if gzip is not None and unpacked and not gzip.eof:
        yield gzip.flush()  # what was left of the last step
        if not gzip.eof:
            raise Broken("its answer is damaged gzip")
