"""Waiting and trying again, decided without a clock, a network or a server."""

from email.utils import formatdate
from io import BytesIO

import pytest
import requests
from urllib3 import HTTPResponse

from madang.sync import DestinationDown
from madang.sync.http import Http, Retry, seconds_until_reset

NOW = 1_800_000_000


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now, self.slept = float(NOW), []

    def sleep(self, seconds):
        self.slept.append(round(seconds, 3))
        self.now += seconds


def answer(status, body=b'{"message": "success"}', **headers):
    made = requests.Response()
    made.status_code, made.raw = status, HTTPResponse(BytesIO(body), preload_content=False)
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


def http_with(answers, clock, **retry):
    http = Http(
        "https://braze.example",
        key="k",
        timeout=5,
        retry=Retry(**retry),
        clock=lambda: clock.now,
        wall=lambda: clock.now,
        sleep=clock.sleep,
        chance=lambda: 1.0,
    )
    waiting = list(answers)

    def request(*_, **__):
        one = waiting.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    http._session.request = request
    return http


def test_failures_are_tried_again_with_doubling_pauses():
    clock = Clock()
    http = http_with([answer(503), requests.ConnectionError("reset"), answer(201)], clock)
    reply = http.post("/x", b"{}")
    assert (reply.status, reply.attempts, http.requests) == (201, 3, 3)
    assert clock.slept == [0.5, 1.0]


def test_a_pause_is_never_shorter_than_half_and_never_longer_than_the_longest():
    retry = Retry(first_pause=1, longest_pause=8)
    assert [retry.pause(n, 0.0) for n in (1, 2, 3, 4, 9)] == [0.5, 1, 2, 4, 4]
    assert retry.pause(9, 1.0) == 8


def test_after_the_last_attempt_the_destination_is_down():
    clock = Clock()
    http = http_with([answer(500)] * 3, clock, attempts=3)
    with pytest.raises(DestinationDown, match=r"it answered 500 \(3 attempts"):
        http.post("/x", b"{}")
    assert len(clock.slept) == 2


def test_an_address_where_nobody_ever_answered_is_given_up_sooner():
    clock = Clock()
    refused = requests.ConnectionError("Connection refused")
    http = http_with([refused] * 3, clock)
    with pytest.raises(DestinationDown, match="nobody listens"):
        http.post("/x", b"{}")
    http = http_with([answer(201), *[refused] * 7], clock)
    http.post("/x", b"{}")
    with pytest.raises(DestinationDown, match="7 attempts"):
        http.post("/x", b"{}")


def test_the_budget_ends_it_before_the_attempts_do():
    clock = Clock()
    http = http_with([answer(500)] * 50, clock, attempts=50, budget=10)
    with pytest.raises(DestinationDown):
        http.post("/x", b"{}")
    assert sum(clock.slept) <= 10


def test_the_wait_for_a_window_follows_the_servers_clock_not_ours():
    ahead = {"X-RateLimit-Reset": str(NOW + 3), "Date": formatdate(NOW, usegmt=True)}
    assert seconds_until_reset(ahead, now=NOW + 600) == 3
    assert seconds_until_reset(ahead, now=NOW - 600) == 3
    assert seconds_until_reset({"X-RateLimit-Reset": str(NOW + 3)}, now=NOW + 1) == 2
    assert seconds_until_reset({"X-RateLimit-Reset": str(NOW - 3)}, now=NOW) == 0
    assert seconds_until_reset({"X-RateLimit-Reset": "soon"}, now=NOW) is None
    assert seconds_until_reset({}, now=NOW) is None


def test_429_waits_for_the_windows_end_and_is_no_failure():
    clock = Clock()
    limited = answer(429, X_RateLimit_Reset=str(NOW + 3))
    http = http_with([limited, answer(201)], clock, attempts=1)
    assert http.post("/x", b"{}").status == 201
    assert clock.slept == [3]


def test_429_without_a_window_backs_off():
    clock = Clock()
    http = http_with([answer(429), answer(429), answer(201)], clock)
    assert http.post("/x", b"{}").status == 201
    assert clock.slept == [0.5, 1.0]


def test_a_window_that_lasts_too_long_ends_the_run():
    clock = Clock()
    http = http_with([answer(429, X_RateLimit_Reset=str(NOW + 3600))], clock, longest_rate_wait=900)
    with pytest.raises(DestinationDown, match="3600 more seconds"):
        http.post("/x", b"{}")
    assert clock.slept == []


def test_with_nothing_remaining_the_next_request_waits_first():
    clock = Clock()
    last = answer(201, X_RateLimit_Remaining="0", X_RateLimit_Reset=str(NOW + 2))
    http = http_with([last, answer(201)], clock)
    http.post("/x", b"{}")
    assert clock.slept == []
    http.post("/x", b"{}")
    assert clock.slept == [2]


@pytest.mark.parametrize("status", [200, 201, 301, 400, 401, 403, 404, 413, 415])
def test_what_is_an_answer_is_not_tried_again(status):
    http = http_with([answer(status, b"<html>")], Clock())
    reply = http.post("/x", b"{}")
    assert (reply.status, reply.body, reply.attempts) == (status, None, 1)


def test_the_key_is_sent_as_a_bearer_even_when_a_netrc_names_the_host(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine braze.example login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    http = http_with([], Clock())
    prepared = http._session.prepare_request(requests.Request("POST", "https://braze.example/x"))
    assert prepared.headers["Authorization"] == "Bearer k"
