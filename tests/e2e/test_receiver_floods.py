"""The receiver stays up for everybody else, whatever one sender does."""

import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from receiver_calls import Running, key_for, outcome, receiving_workspace

MIB = 1 << 20


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    limits = {"requests_per_minute": 1_000_000, "connections": 40, "connections_per_address": 30}
    settings = receiving_workspace(tmp_path_factory.mktemp("floods"), **limits)
    with Running(settings, key_for(settings)) as running:
        yield running


def connection(receiver: Running) -> socket.socket:
    place = urlsplit(receiver.url)
    return socket.create_connection((place.hostname, place.port), timeout=20)


def is_well(receiver: Running) -> bool:
    return requests.get(f"{receiver.url}/health", timeout=10).status_code == 200


def answer_to(made: socket.socket) -> tuple[int, dict]:
    answer = http.client.HTTPResponse(made)
    answer.begin()
    return answer.status, json.loads(answer.read())


def memory(receiver: Running) -> int:
    """The receiver's memory in MiB."""
    told = Path(f"/proc/{receiver.process.pid}/status").read_text()
    return next(int(line.split()[1]) >> 10 for line in told.splitlines() if "VmRSS" in line)


def test_a_header_without_end_is_refused_and_not_kept(receiver):
    before = memory(receiver)
    with closing(connection(receiver)) as made:
        made.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX: ")
        with suppress(ConnectionError):
            for _ in range(100):
                made.sendall(b"a" * MIB)
        status, body = answer_to(made)
    assert (status, body["code"]) == (431, "headers")
    assert memory(receiver) - before < 16
    assert is_well(receiver)


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"a" * 17_000,
        b"\r\n".join(b"X%d: a" % number for number in range(101)),
        b"\r\n".join(b"X%d: %s" % (number, b"a" * 1_000) for number in range(20)),
    ],
    ids=["one large", "many", "large together"],
)
def test_headers_that_end_beyond_the_limits_are_refused(receiver, head):
    with closing(connection(receiver)) as made:
        made.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
        status, body = answer_to(made)
    assert (status, body["code"]) == (431, "headers")


def test_headers_within_the_limits_are_taken(receiver):
    headers = {f"X-{number}": "a" * 150 for number in range(80)}
    assert requests.get(f"{receiver.url}/health", headers=headers, timeout=10).status_code == 200


def test_an_address_without_end_is_refused(receiver):
    with closing(connection(receiver)) as made:
        made.sendall(b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer_to(made)[0] == 431


def test_a_trailer_without_end_is_cut_off(receiver):
    """Nobody looks at what follows a body in chunks, and it needs no key to be sent."""
    before = memory(receiver)
    with closing(connection(receiver)) as made:
        made.sendall(b"POST /v1/outcomes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        made.sendall(b"0\r\nX: ")
        with pytest.raises(ConnectionError):
            for _ in range(100):
                made.sendall(b"a" * MIB)
                time.sleep(0.01)
    assert memory(receiver) - before < 16
    assert is_well(receiver)


def test_half_open_connections_shut_nobody_out(receiver):
    """More than the receiver takes of all, and of one address; what came last is served."""
    held = [connection(receiver) for _ in range(80)]
    try:
        for made in held:
            with suppress(ConnectionError):
                made.sendall(b"POST /v1/outcomes HTTP/1.1\r\n")
        assert is_well(receiver)
        assert receiver.post("outcomes", outcome("beside")).status_code == 202
    finally:
        for made in held:
            made.close()


def test_bodies_that_never_come_shut_nobody_out(receiver):
    """Without a key they are answered at once, and their connection makes room."""
    head = b"POST /v1/outcomes HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n"
    held = [connection(receiver) for _ in range(80)]
    try:
        for made in held:
            with suppress(ConnectionError):
                made.sendall(head + b"Content-Type: application/json\r\n\r\n")
        assert is_well(receiver)
        assert receiver.post("outcomes", outcome("after")).status_code == 202
    finally:
        for made in held:
            made.close()


def test_headers_that_come_too_slowly_are_answered_408(receiver):
    with closing(connection(receiver)) as made:
        begun = time.monotonic()
        for letter in b"GET /health HTTP/1.1":
            made.sendall(bytes([letter]))
            time.sleep(0.7)
            if time.monotonic() - begun > 11:
                break
        status, body = answer_to(made)
    assert (status, body["code"]) == (408, "too_slow")


def test_a_body_of_nothing_but_unknown_fields_holds_nobody_up(receiver):
    body = json.dumps([{f"{n:x}": 1 for n in range(120)} for _ in range(950)]).encode()
    other = Running(receiver.settings, key_for(receiver.settings, partner="other-co"), receiver.url)
    with ThreadPoolExecutor(8) as pool:
        floods = [pool.submit(receiver.post, "outcomes", body) for _ in range(8)]
        waits = []
        while not all(flood.done() for flood in floods) or not waits:
            begun = time.monotonic()
            assert other.post("outcomes", outcome(f"calm-{len(waits)}")).status_code == 202
            assert is_well(receiver)
            waits.append(time.monotonic() - begun)
    assert {flood.result().status_code for flood in floods} == {422}
    assert max(waits) < 2
    (answer,) = {len(flood.result().content) // 100_000 for flood in floods}
    assert answer == 0  # less than 100 kB for one megabyte


def test_an_answer_tells_the_first_problems_and_counts_the_rest(receiver):
    items = [outcome(n, phone="12", value="much") for n in range(30)] + [outcome("good")]
    body = receiver.post("outcomes", items).json()
    assert (body["accepted"], body["refused"], body["problems"]) == (1, 30, 60)
    assert sum(len(item["problems"]) for item in body["items"]) == 20
    assert [item.get("more_problems", 0) for item in body["items"]] == [0] * 10 + [2] * 20 + [0]
    assert [item["status"] for item in body["items"]] == ["refused"] * 30 + ["accepted"]


def test_an_item_of_far_too_many_fields_is_refused_without_looking_at_each(receiver):
    answer = receiver.post("outcomes", {f"field{n}": 1 for n in range(50_000)})
    (item,) = answer.json()["items"]
    assert answer.status_code == 422
    assert [(one["field"], one["code"]) for one in item["problems"]] == [(None, "too_many_fields")]


def test_one_key_has_so_many_requests_under_way_and_no_more(tmp_path):
    settings = receiving_workspace(tmp_path, at_once_per_key=3, requests_per_minute=100_000)
    with Running(settings, key_for(settings)) as receiver:
        head = (
            "POST /v1/outcomes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: 9999\r\nAuthorization: Bearer {receiver.key}\r\n\r\n"
        )
        held = [connection(receiver) for _ in range(3)]
        for made in held:
            made.sendall(head.encode())
        time.sleep(0.5)
        refused = receiver.post("outcomes", outcome(1))
        assert (refused.status_code, refused.json()["code"]) == (429, "at_once")
        assert int(refused.headers["Retry-After"]) >= 1
        other = Running(settings, key_for(settings, partner="other-co"), receiver.url)
        assert other.post("outcomes", outcome(2)).status_code == 202
        for made in held:
            made.close()
        time.sleep(0.5)
        assert receiver.post("outcomes", outcome(1)).status_code == 202
