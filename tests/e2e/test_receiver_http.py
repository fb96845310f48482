"""The receiver as partners meet it: a real process, real requests, and what becomes of them."""

import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import requests

from demo_workspace import WITHOUT_TESTS
from madang.build.dbt import run_dbt
from madang.ingest.calls.inbox import open_inbox
from madang.receiver.keys import add_key, read_keys, revoke_key
from madang.warehouse import open_warehouse
from receiver_calls import COMMAND, Running, key_for, outcome, receiving_workspace

PERSONAL = ("010-1999-0000", "maru@home.example", "김마루")
LIMITS = {"max_request_kib": 64, "max_items": 50, "requests_per_minute": 100_000}


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    settings = receiving_workspace(tmp_path_factory.mktemp("receiver"), **LIMITS)
    with Running(settings, key_for(settings)) as running:
        yield running


def waiting(receiver: Running) -> dict[str, int]:
    with closing(open_inbox(receiver.settings.paths.received)) as inbox:
        return inbox.waiting()


def unique() -> str:
    return uuid.uuid4().hex[:12]


def problem(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code and body["detail"] and body["fix"]
    return answer.status_code, body["code"]


def test_an_accepted_outcome_is_on_disk_when_the_answer_comes(receiver):
    name = unique()
    answer = receiver.post("outcomes", outcome(name))
    assert answer.status_code == 202
    body = answer.json()
    assert (body["accepted"], body["refused"]) == (1, 0)
    assert body["items"] == [{"item": 1, "id": f"O-{name}", "status": "accepted", "problems": []}]
    with closing(sqlite3.connect(receiver.settings.paths.received)) as file:
        found = file.execute("select texts from items where request_id = ?", [body["request_id"]])
        assert json.loads(found.fetchone()[0])[0] == f"O-{name}"


def test_a_batch_gets_a_verdict_an_item(receiver):
    good, bad = unique(), unique()
    before = waiting(receiver)["offline.outcomes"]
    items = [outcome(good), outcome(bad, value="much"), 7, outcome(unique())]
    answer = receiver.post("outcomes", items)
    assert answer.status_code == 202
    body = answer.json()
    assert [item["status"] for item in body["items"]] == [
        "accepted",
        "refused",
        "refused",
        "accepted",
    ]
    assert [item["id"] for item in body["items"]][:3] == [f"O-{good}", f"O-{bad}", None]
    assert body["items"][1]["problems"][0]["field"] == "value"
    assert waiting(receiver)["offline.outcomes"] == before + 2


def test_when_no_item_is_good_nothing_is_kept_and_the_key_stays_free(receiver):
    key = unique()
    answer = receiver.post("outcomes", outcome(key, value="much"), Idempotency_Key=key)
    assert answer.status_code == 422 and answer.json()["accepted"] == 0
    assert receiver.post("outcomes", outcome(key), Idempotency_Key=key).status_code == 202


def test_a_replay_answers_the_same_and_adds_nothing(receiver):
    key, sent = unique(), [outcome(unique()), outcome(unique(), value="much")]
    first = receiver.post("outcomes", sent, Idempotency_Key=key)
    before = waiting(receiver)
    again = receiver.post("outcomes", sent, Idempotency_Key=key)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert waiting(receiver) == before


def test_without_a_key_the_same_body_is_the_same_request(receiver):
    sent = outcome(unique())
    first, again = receiver.post("outcomes", sent), receiver.post("outcomes", sent)
    assert first.content == again.content


def test_another_body_under_the_same_key_is_refused(receiver):
    key = unique()
    assert receiver.post("outcomes", outcome(unique()), Idempotency_Key=key).status_code == 202
    answer = receiver.post("outcomes", outcome(unique()), Idempotency_Key=key)
    assert problem(answer) == (422, "idempotency_key_reused")


def test_a_key_of_one_partner_or_kind_is_none_of_anothers(receiver):
    key = unique()
    other = Running(receiver.settings, key_for(receiver.settings, partner="other-co"), receiver.url)
    assert receiver.post("outcomes", outcome(unique()), Idempotency_Key=key).status_code == 202
    assert other.post("outcomes", outcome(unique()), Idempotency_Key=key).status_code == 202


def test_one_request_sent_by_many_at_once_is_kept_once(receiver):
    key, sent = unique(), outcome(unique())
    before = waiting(receiver)["offline.outcomes"]

    def post(_):
        return receiver.post("outcomes", sent, Idempotency_Key=key)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(post, range(64)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert waiting(receiver)["offline.outcomes"] == before + 1


@pytest.mark.parametrize("key", ["x" * 201, "a b", "é"])
def test_an_idempotency_key_that_cannot_be_one_is_refused(receiver, key):
    sent = key.encode("latin-1")
    answer = receiver.post("outcomes", outcome(unique()), Idempotency_Key=sent)
    assert problem(answer) == (400, "idempotency_key")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer mdk_deadbeef_wrong", "Basic {key}", "{key}"],
)
def test_without_the_right_key_nothing_is_taken(receiver, authorization):
    headers = {"Content-Type": "application/json"}
    if authorization is not None:
        headers["Authorization"] = authorization.format(key=receiver.key)
    url = f"{receiver.url}/v1/outcomes"
    answer = requests.post(url, json=outcome(unique()), headers=headers, timeout=10)
    assert problem(answer) == (401, "key")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_may_send_only_its_kinds(receiver):
    key = key_for(receiver.settings, "consents", partner="consent-co")
    other = Running(receiver.settings, key, receiver.url)
    assert problem(other.post("outcomes", outcome(unique()))) == (403, "scope")
    consent = {
        "consent_id": unique(),
        "customer_no": "C1",
        "channel": "sms",
        "purpose": "marketing",
        "status": "granted",
        "occurred_at": "2026-10-06T14:30:00+09:00",
    }
    assert other.post("consents", consent).status_code == 202


def test_a_revoked_key_is_refused_without_a_restart(receiver):
    known = ("outcomes",)
    path = receiver.settings.paths.receiver_keys
    secret, key = add_key(path, "former-co", known, known)
    former = Running(receiver.settings, secret, receiver.url)
    assert former.post("outcomes", outcome(unique())).status_code == 202
    revoke_key(path, key.key_id)
    time.sleep(1.1)  # the receiver looks at its keys once a second
    assert problem(former.post("outcomes", outcome(unique()))) == (401, "key")


def test_who_calls_too_often_is_told_how_long_to_wait(receiver):
    known = ("outcomes",)
    secret, _ = add_key(receiver.settings.paths.receiver_keys, "eager-co", known, known, 12)
    eager = Running(receiver.settings, secret, receiver.url)
    answers = [eager.post("outcomes", outcome(unique())) for _ in range(4)]
    assert [answer.status_code for answer in answers[:2]] == [202, 202]
    assert problem(answers[-1]) == (429, "rate")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 5


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"", {}, (400, "not_json")),
        (b"{", {}, (400, "not_json")),
        (b"\xff\xfe{}", {}, (400, "not_json")),
        (b'{"a": NaN}', {}, (400, "not_json")),
        (b'{"reason": "\\ud800"}', {}, (400, "not_json")),
        (b"[]", {}, (400, "no_items")),
        (b"null", {}, (400, "no_items")),
        (b'"text"', {}, (400, "no_items")),
        (b"[" * 60_000, {}, (400, "too_deep")),
        (b'{"a":' * 10_000, {}, (400, "too_deep")),
        (b"[" + b"{}," * 50 + b"{}]", {}, (422, "too_many_items")),
        (b" " * (64 * 1024 + 1), {}, (413, "too_large")),
        (b"{}", {"Content_Type": "text/plain"}, (415, "content_type")),
        (b"{}", {"Content_Encoding": "gzip"}, (415, "content_encoding")),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bodies_that_are_refused_whole(receiver, body, headers, expected):
    before = waiting(receiver)
    assert problem(receiver.post("outcomes", body, **headers)) == expected
    assert waiting(receiver) == before


def test_a_million_nested_arrays_cost_nothing(tmp_path):
    settings = receiving_workspace(tmp_path, max_request_kib=2048)
    with Running(settings, key_for(settings)) as receiver:
        begun = time.perf_counter()
        for _ in range(5):
            answer = receiver.post("outcomes", b"[" * 1_000_000 + b"]" * 1_000_000)
            assert problem(answer) == (400, "too_deep")
        assert time.perf_counter() - begun < 2
        assert receiver.post("outcomes", outcome(1)).status_code == 202


def test_a_body_without_a_length_is_cut_off_at_the_limit(receiver):
    def parts():
        for _ in range(100):
            yield b" " * 1024

    url = f"{receiver.url}/v1/outcomes"
    headers = {"Authorization": f"Bearer {receiver.key}", "Content-Type": "application/json"}
    try:
        answer = requests.post(url, data=parts(), headers=headers, timeout=10)
    except requests.ConnectionError:
        return  # it closed before all was sent, which is as good
    assert problem(answer) == (413, "too_large")


def test_what_is_not_http_is_answered_and_does_no_harm(receiver):
    place = urlsplit(receiver.url)
    for noise in (b"\x00" * 2000, b"GET / HTTP/9.9\r\n\r\n", b"POST /v1/outcomes HTTP/1.1\r\n"):
        with socket.create_connection((place.hostname, place.port)) as connection:
            connection.sendall(noise)
    assert receiver.post("outcomes", outcome(unique())).status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/outcomes", 405),
        ("DELETE", "/v1/outcomes", 405),
        ("POST", "/v1/outcome", 404),
        ("POST", "/v1/outcomes/", 404),
        ("GET", "/", 404),
        ("GET", "/../etc", 404),
    ],
)
def test_other_addresses_and_methods_are_not_served(receiver, method, path, status):
    place = urlsplit(receiver.url)
    with closing(http.client.HTTPConnection(place.hostname, place.port, timeout=10)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        assert answer.status == status
        assert json.loads(answer.read())["code"] == "address"


def test_health_tells_since_when_something_waits(tmp_path):
    settings = receiving_workspace(tmp_path)
    with Running(settings, key_for(settings)) as receiver:
        url = f"{receiver.url}/health"
        assert requests.get(url, timeout=5).json() == {"status": "ok", "waiting_since": None}
        told = receiver.post("outcomes", outcome(1)).json()["received_at"]
        assert requests.get(url, timeout=5).json() == {"status": "ok", "waiting_since": told}


def test_the_log_tells_every_call_and_nothing_of_what_was_in_it(receiver):
    phone, mail, name = PERSONAL
    key = unique()
    sent = outcome(key, phone=phone, reason=f"{name} {mail}")
    answer = receiver.post("outcomes", sent, Idempotency_Key=f"{key}-{mail}")
    receiver.post("outcomes", outcome(key, phone=f"{phone}9", status=mail))
    receiver.post("outcomes", b'{"phone": "' + phone.encode())
    requests.get(f"{receiver.url}/v1/outcomes?phone={phone}", timeout=5)
    requests.post(f"{receiver.url}/{mail}", timeout=5)
    told = receiver.log.read_text()
    request_id = answer.json()["request_id"]
    (line,) = [line for line in told.splitlines() if request_id in line]
    assert "POST /v1/outcomes 202" in line and "partner=install-co" in line
    assert "accepted=1 refused=0" in line
    for word in (*PERSONAL, receiver.key, receiver.key[13:], "Traceback"):
        assert word not in told


BROKEN = """
import sys
from pathlib import Path
from madang.settings.workspace import load_settings
from madang.receiver import kinds, serve
def check(self, item, clock):
    raise ValueError(f"cannot work with {item}")
kinds.Kind.check = check
serve.serve(load_settings(Path(sys.argv[1])), port=0)
"""


def test_a_fault_of_ours_is_told_without_what_it_was_about(tmp_path):
    settings = receiving_workspace(tmp_path)
    command = [sys.executable, "-c", BROKEN, str(settings.root)]
    with Running(settings, key_for(settings), command=command) as receiver:
        answer = receiver.post("outcomes", outcome(1, reason=PERSONAL[1]))
        assert problem(answer) == (500, "fault")
        assert requests.get(f"{receiver.url}/health", timeout=5).status_code == 200
        told = receiver.log.read_text()
    assert "fault ValueError <string>:7" in told and "500" in told
    assert PERSONAL[1] not in told + answer.text and "Traceback" not in told


def test_stopping_answers_what_was_begun(tmp_path):
    settings = receiving_workspace(tmp_path, requests_per_minute=1_000_000)
    accepted: list[str] = []
    refused: list[str] = []
    with Running(settings, key_for(settings)) as receiver:

        def post(worker: int) -> None:
            for number in range(10_000):
                name = f"{worker}-{number}"
                try:
                    answer = receiver.post("outcomes", outcome(name))
                except requests.RequestException:
                    return
                (accepted if answer.status_code == 202 else refused).append(name)

        workers = [threading.Thread(target=post, args=(n,)) for n in range(4)]
        for worker in workers:
            worker.start()
        time.sleep(0.7)
        assert receiver.end(signal.SIGTERM) == 0
        for worker in workers:
            worker.join()
        assert receiver.log.read_text().rstrip().endswith("stopped")
    assert len(accepted) > 20 and not refused
    with closing(open_inbox(settings.paths.received)) as inbox:
        assert inbox.waiting()["offline.outcomes"] == len(accepted)


def test_a_port_that_is_taken_is_told(receiver):
    port = str(urlsplit(receiver.url).port)
    command = [*COMMAND, "--config", str(receiver.settings.root), "receive", "--port", port]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "Cannot listen at 127.0.0.1" in ended.stdout + ended.stderr


def test_keys_are_made_listed_and_revoked_by_command(tmp_path):
    settings = receiving_workspace(tmp_path)

    def keys(*words: str) -> subprocess.CompletedProcess:
        command = [*COMMAND, "--config", str(settings.root), "keys", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30)

    made = keys("add", "install-co", "--kind", "outcomes", "-k", "consents")
    secret = made.stdout.split()[0]
    (key,) = read_keys(settings.paths.receiver_keys)
    assert key.kinds == ["consents", "outcomes"] and secret.startswith(f"mdk_{key.key_id}_")
    assert key.key_id in keys("list").stdout and secret not in keys("list").stdout
    assert keys("revoke", key.key_id).returncode == 0
    assert read_keys(settings.paths.receiver_keys)[0].revoked_at
    wrong = keys("add", "install-co", "--kind", "outcme")
    assert wrong.returncode == 2 and "Did you mean 'outcomes'" in wrong.stdout + wrong.stderr


def test_what_was_received_reaches_the_models_by_madang_load_inbox(tmp_path):
    settings = receiving_workspace(tmp_path)
    with Running(settings, key_for(settings)) as receiver:
        sent = [
            outcome(1, status="scheduled", occurred_at="2026-10-06T09:00:00+09:00"),
            outcome(2, phone="+82 10-1234-5678", value="12000"),
            outcome(1, status="cancelled", occurred_at="2026-10-07T09:00:00+09:00"),
        ]
        assert receiver.post("outcomes", sent).json()["accepted"] == 3
        command = [*COMMAND, "--config", str(settings.root), "load", "inbox"]
        for _ in range(2):  # the receiver runs on; the second load finds nothing new
            ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert receiver.post("outcomes", sent).headers["Idempotent-Replayed"] == "true"
    run_dbt(settings, ["build", *WITHOUT_TESTS, "--select", "+stg_offline__outcomes"])
    with open_warehouse(settings) as warehouse:
        raw = warehouse.fetch(
            f"select count(*) as n from {warehouse.relation('raw', 'offline_outcomes')}"
        )
        staged = warehouse.fetch(
            "select outcome_id, status, phone, value, occurred_at from "
            f"{warehouse.relation('private', 'stg_offline__outcomes')} order by outcome_id"
        )
    assert ended.returncode == 0
    assert raw == [{"n": 3}]
    assert [(row["outcome_id"], row["status"], row["value"]) for row in staged] == [
        ("O-1", "cancelled", 1_200_000.0),
        ("O-2", "installed", 12_000.0),
    ]
    assert f"{staged[0]['occurred_at']:%Y-%m-%d %H:%M}" == "2026-10-07 00:00"
    assert staged[0]["phone"] == staged[1]["phone"]
