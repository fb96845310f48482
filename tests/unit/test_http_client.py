"""Waiting and trying again, decided without a clock, a network or a server."""

import json
from email.utils import formatdate
from io import BytesIO

import pytest
import requests
from urllib3 import HTTPResponse

from madang.http import HttpError
from madang.http.auth import (
    Bearer,
    ClientCredentials,
    Header,
    RefreshToken,
    Signature,
    SignedJwt,
    Token,
)
from madang.http.client import Client
from madang.http.retry import Retry
from madang.http.windows import seconds_to_wait, seconds_until_reset

NOW = 1_800_000_000


class Lost(Exception):
    """What became of a request is unknown."""

    def __init__(self, message, **_):
        super().__init__(message)


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


def http_with(answers, clock, *, auth=None, once=False, **retry):
    http = Client(
        "https://braze.example",
        auth=auth or Bearer("k"),
        timeout=5,
        name="Braze",
        check="Look.",
        retry=Retry(**retry),
        posts_once=once,
        lost=Lost,
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

    http._session().get_adapter(http.url).send = request
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
    with pytest.raises(HttpError, match=r"it answered 500 \(3 attempts"):
        http.post("/x", b"{}")
    assert len(clock.slept) == 2


def test_an_address_where_nobody_ever_answered_is_given_up_sooner():
    clock = Clock()
    refused = requests.ConnectionError("Connection refused")
    http = http_with([refused] * 3, clock)
    with pytest.raises(HttpError, match="nobody listens"):
        http.post("/x", b"{}")
    http = http_with([answer(201), *[refused] * 7], clock)
    http.post("/x", b"{}")
    with pytest.raises(HttpError, match="7 attempts"):
        http.post("/x", b"{}")


def test_the_budget_ends_it_before_the_attempts_do():
    clock = Clock()
    http = http_with([answer(500)] * 50, clock, attempts=50, budget=10)
    with pytest.raises(HttpError):
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
    with pytest.raises(HttpError, match="3600 more seconds"):
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
    asked = requests.Request("POST", "https://braze.example/x", auth=Bearer("k"))
    prepared = http_with([], Clock())._session().prepare_request(asked)
    assert prepared.headers["Authorization"] == "Bearer k"


def test_both_ways_of_asking_to_wait_are_read():
    assert seconds_to_wait({"Retry-After": "7"}, now=NOW) == 7
    at = {"Retry-After": formatdate(NOW + 9, usegmt=True), "Date": formatdate(NOW, usegmt=True)}
    assert seconds_to_wait(at, now=NOW + 600) == 9
    assert seconds_to_wait({"X-RateLimit-Reset": str(NOW + 3)}, now=NOW) == 3
    for odd in ("nan", "1e400", "soon", ""):
        assert seconds_to_wait({"Retry-After": odd}, now=NOW) is None


@pytest.mark.parametrize(
    "trouble", [requests.ReadTimeout("slow"), requests.ConnectionError("reset"), answer(503)]
)
def test_what_may_have_arrived_is_not_posted_again(trouble):
    http = http_with([trouble, answer(201)], Clock(), once=True)
    with pytest.raises(Lost, match="is unknown"):
        http.post("/x", b"{}")
    assert http.requests == 1


@pytest.mark.parametrize(
    "trouble",
    [
        requests.ConnectTimeout("slow"),
        requests.ConnectionError("Connection refused"),
        requests.exceptions.SSLError("bad"),
        answer(429, Retry_After="1"),
    ],
)
def test_what_surely_never_arrived_is_posted_again(trouble):
    http = http_with([trouble, answer(201)], Clock(), once=True)
    assert (http.post("/x", b"{}").status, http.requests) == (201, 2)


def test_questions_may_be_asked_again_also_where_posts_may_not():
    http = http_with([requests.ReadTimeout("slow"), answer(200)], Clock(), once=True)
    assert http.request("GET", "/x").status == 200


def prepared(auth, body=b"{}"):
    return requests.Request("POST", "https://a.example/x", data=body, auth=auth).prepare()


def test_a_key_stands_in_the_header_that_the_other_side_names():
    assert prepared(Header("Access-Token", "k")).headers["Access-Token"] == "k"
    assert Header("Access-Token", "k9").redact("bad k9") == "bad [key]"


def test_a_signature_is_of_the_moment_and_the_body():
    # printf '1767225600.{"a":1}' | openssl dgst -sha256 -hmac secret
    signed = prepared(Signature("secret", wall=lambda: 1767225600.9), b'{"a":1}')
    digest = "96a067a1c95eb143fc00b9097bcfcbcd5456adda508c443ff219748e764dbed7"
    assert signed.headers["X-Madang-Signature"] == f"t=1767225600,v1={digest}"


def token(number, **more):
    return answer(200, json.dumps({"access_token": f"t{number}", **more}).encode())


def test_a_token_is_asked_for_once_and_anew_before_it_ends():
    clock = Clock()
    auth = Token(
        "https://login.example/token", RefreshToken("id", "secret", "refresh-1"), fix="Look."
    )
    answers = [token(1, expires_in=3600), answer(201), answer(201), token(2), answer(201)]
    http = http_with(answers, clock, auth=auth)
    http.post("/x", b"{}")
    http.post("/x", b"{}")
    assert (http.requests, prepared(auth).headers["Authorization"]) == (3, "Bearer t1")
    clock.now += 3545  # less than a minute before its end
    http.post("/x", b"{}")
    assert (http.requests, prepared(auth).headers["Authorization"]) == (5, "Bearer t2")


def test_a_token_that_is_refused_is_renewed_once():
    auth = Token(
        "https://login.example/token", RefreshToken("id", "secret", "refresh-1"), fix="Look."
    )
    answers = [token(1), answer(401), token(2), answer(401)]
    http = http_with(answers, Clock(), auth=auth)
    assert (http.post("/x", b"{}").status, http.requests) == (401, 4)
    assert auth.redact("t2 is wrong") == "[key] is wrong"


def test_a_login_that_is_refused_says_why_without_the_secret():
    said = json.dumps({"error": "invalid_grant", "error_description": "Token has been revoked."})
    auth = Token("https://login.example/token", RefreshToken("id", "hush", "hush"), fix="Look.")
    http = http_with([answer(400, said.encode())], Clock(), auth=auth)
    with pytest.raises(HttpError, match="invalid_grant: Token has been revoked") as error:
        http.post("/x", b"{}")
    assert "hush" not in str(error.value)


@pytest.mark.parametrize(
    "grant",
    [
        RefreshToken("id", "hush-secret", "hush-token"),
        ClientCredentials("id", "hush-secret", "510000001"),
        SignedJwt({"iss": "id"}, "hush-key", 300, "a file"),
    ],
)
def test_neither_a_grant_nor_an_answer_that_repeats_it_shows_a_secret(grant):
    assert "hush" not in repr(grant)
    told = Token("https://login.example/token", grant, fix="Look.").redact(
        " ".join(("wrong:", *grant.hidden()))
    )
    assert "hush" not in told and told.startswith("wrong:")


def test_a_refused_login_that_repeats_the_secret_does_not_show_it():
    said = json.dumps({"error": "invalid_client", "error_description": "not hush-secret"})
    auth = Token("https://login.example/token", ClientCredentials("i", "hush-secret"), fix="Look.")
    http = http_with([answer(400, said.encode())], Clock(), auth=auth)
    with pytest.raises(HttpError, match=r"invalid_client: not \[key\]") as error:
        http.request("GET", "/")
    assert "hush" not in str(error.value)
