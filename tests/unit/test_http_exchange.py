"""Answers that never end, that unpack to too much, or that are broken: told in time, in memory."""

import gzip
import time
import tracemalloc

import pytest
import requests

from hostile_server import Act, answering, hostile, whole
from madang.http.exchange import Broken, exchange, read_json, session

GOOD = b'{"message":"success"}'
HEAD = b"HTTP/1.1 201 Created\r\n"


def ask(url: str, **options):
    with session() as asked:
        return exchange(asked, "POST", f"{url}/x", data=b"{}", **{"timeout": 0.6, **options})


def test_a_good_answer_is_read_and_its_connection_is_kept() -> None:
    seen = set()

    def act(connection, _):
        seen.add(connection.getpeername())
        connection.sendall(whole(GOOD))

    with hostile(act) as (url, asked), session() as own:
        for _ in range(3):
            answer = exchange(own, "POST", f"{url}/x", data=b"{}", timeout=5)
            assert (answer.status, answer.content) == (201, GOOD)
    assert len(asked) == 3 and len(seen) == 1


def test_a_packed_answer_is_unpacked() -> None:
    body = gzip.compress(GOOD[:10]) + gzip.compress(GOOD[10:])
    with hostile(answering(whole(body, "201 Created", "Content-Encoding: gzip"))) as (url, _):
        assert ask(url).content == GOOD


DRIPPING = [bytes([byte]) for byte in GOOD]


@pytest.mark.parametrize(
    "act",
    [
        answering(HEAD + b"Content-Length: 21\r\n\r\n", *DRIPPING, every=0.2),
        answering(HEAD, *[b"X-A: b\r\n"] * 50, every=0.2),
        answering(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 50, every=0.2),
        answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\na\r\n"] * 50, every=0.2),
        answering(b"HTTP/1.1 2", every=5),
    ],
    ids=["body", "headers", "interim answers", "chunks", "nothing more"],
)
def test_an_answer_that_drips_ends_after_the_time_for_all_of_it(act: Act) -> None:
    with hostile(act) as (url, _):
        began = time.monotonic()
        with pytest.raises(requests.RequestException):
            ask(url)
        assert time.monotonic() - began < 3


def _without_end(start: bytes, again: bytes) -> Act:
    def act(connection, _):
        connection.sendall(start)
        while True:
            connection.sendall(again * 1000)

    return act


@pytest.mark.parametrize(
    "act",
    [
        _without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        _without_end(HEAD + b"X: ", b"v"),
        _without_end(HEAD, b"X: v\r\n"),
        _without_end(HEAD + b"\r\n", b"a" * 100),
        _without_end(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\naaaaa\r\n"),
        _without_end(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"5"),
        answering(
            whole(gzip.compress(bytes(200 << 20), 1), "201 Created", "Content-Encoding: gzip")
        ),
        answering(
            whole(
                gzip.compress(gzip.compress(bytes(200 << 20), 1)),
                "201 Created",
                "Content-Encoding: gzip, gzip",
            )
        ),
    ],
    ids=[
        "100s", "long header", "many headers", "body", "chunks", "chunk's size", "bomb",
        "two bombs",
    ],
)  # fmt: skip
def test_an_answer_without_end_is_cut_off_in_little_memory(act: Act) -> None:
    with hostile(act) as (url, _):
        tracemalloc.start()
        began = time.monotonic()
        try:
            with pytest.raises(requests.RequestException):
                ask(url, timeout=5, most_bytes=1 << 20)
            assert tracemalloc.get_traced_memory()[1] < 60 << 20
        finally:
            tracemalloc.stop()
        assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("body", "packed"),
    [
        (b"no gzip at all", "gzip"),
        (gzip.compress(GOOD)[:-9], "gzip"),
        (gzip.compress(GOOD) + b"more", "gzip"),
        (GOOD, "br"),
        (GOOD, "snappy"),
    ],
)
def test_what_is_wrongly_packed_is_no_answer(body: bytes, packed: str) -> None:
    answer = whole(body, "201 Created", f"Content-Encoding: {packed}")
    with hostile(answering(answer)) as (url, _), pytest.raises(Broken):
        ask(url)


def test_a_redirect_is_not_followed() -> None:
    with hostile(answering(whole(GOOD))) as (other, seen):
        moved = answering(whole(b"", "307 Moved", f"Location: {other}/steal"))
        with hostile(moved) as (url, _):
            answer = ask(url)
    assert (answer.status, answer.is_redirect, seen) == (307, True, [])


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"a":' + b"9" * 10_000 + b"}",
        b'{"message":"error","message":"success"}',
        b"\xff\xfe\x00",
        b"",
    ],
)
def test_what_is_no_json_is_none(text: bytes) -> None:
    assert read_json(text) is None
