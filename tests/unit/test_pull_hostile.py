"""A Salesforce that answers what its API does not promise: no row is taken, and it is told."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostile_server import hostile, whole
from madang.errors import ConfigError
from madang.http.retry import Retry
from madang.pull import ObjectFailed, PullError
from madang.pull.connection import Connection
from madang.pull.login import Login
from madang.pull.objects import Chosen, Field
from madang.pull.queries import BulkJob, csv_rows, describe, query
from madang.settings.workspace import load_settings

SECRETS = {"MADANG_SALESFORCE_CLIENT_ID": "id", "MADANG_SALESFORCE_CLIENT_SECRET": "secret"}
CHOSEN = Chosen("Contact", (Field("id", "Id", "id"),), ())
QUICK = Retry(attempts=2, first_pause=0.01, longest_pause=0.02, longest_rate_wait=0.2)
Opened = Callable[..., Connection]


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Opened]:
    """Open a connection to an org whose answers after the login are the given bytes."""
    held = []

    def opened(answer: bytes, login: dict | None = None) -> Connection:
        def act(connection, request: bytes) -> None:
            is_login = b"/services/oauth2/token" in request.split(b"\r\n")[0]
            good = {"access_token": "token", **(login or {})}
            connection.sendall(whole(json.dumps(good).encode(), "200 OK") if is_login else answer)

        server = hostile(act)
        url, asked = server.__enter__()
        config = tmp_path / "madang.yml"
        config.write_text(f"version: 1\nsalesforce: {{url: {url}, timeout_seconds: 1}}\n")
        connection = Connection(Login(load_settings(config), SECRETS), QUICK)
        held.append((server, connection, asked))
        return connection

    yield opened
    for server, connection, _ in held:
        connection.close()
        server.__exit__(None, None, None)


def body(said: object) -> bytes:
    return whole(json.dumps(said).encode(), "200 OK")


@pytest.mark.parametrize(
    "answer",
    [
        whole(b"<html>login</html>", "200 OK"),
        whole(b"", "204 No Content"),
        whole(b"[" * 100_000, "200 OK"),
        whole(b"\xff\xfe", "200 OK"),
        whole(b"{}", "200 OK", "Content-Encoding: gzip"),
        body([1, 2]),
        body({"totalSize": None, "done": True, "records": []}),
        body({"totalSize": "many", "done": True, "records": []}),
        body({"totalSize": 2, "done": True, "records": [{"Id": "1"}]}),
        body({"totalSize": 1, "done": True, "records": None}),
        body({"totalSize": 1, "done": True, "records": ["1"]}),
        body({"totalSize": 1, "done": False, "records": [{"Id": "1"}]}),
        body({"totalSize": 2, "done": "false", "records": [{"Id": "1"}]}),
        body({"totalSize": 9, "done": False, "records": [], "nextRecordsUrl": "/next"}),
        body({"totalSize": 9, "done": False, "records": [{}], "nextRecordsUrl": "@evil.example/x"}),
        body({"totalSize": 9, "done": False, "records": [{}], "nextRecordsUrl": ["/next"]}),
        whole(b"", "302 Found", "Location: http://evil.example/"),
        whole(b"", "999 Weird"),
        whole(b"{}", "200 OK", "Date: Mon, 01 Jan 99999 00:00:00 GMT"),
    ],
)
def test_a_query_whose_answer_is_none_is_told(org: Opened, answer: bytes) -> None:
    connection = org(answer)
    with pytest.raises(PullError) as caught:
        list(query(connection, CHOSEN, None).rows())
    assert caught.value.message and "secret" not in str(caught.value)


def test_the_calls_that_are_used_may_be_any_text(org: Opened) -> None:
    usage = f"Sforce-Limit-Info: api-usage={'9' * 5000}/{'9' * 5000}"
    good = {"totalSize": 1, "done": True, "records": [{"Id": "1"}]}
    connection = org(whole(json.dumps(good).encode(), "200 OK", usage))
    assert list(query(connection, CHOSEN, None).rows()) == [["1"]]


@pytest.mark.parametrize("wait", ["nan", "inf", "-5", "soon", "1e400"])
def test_being_asked_to_come_back_later_ends(org: Opened, wait: str) -> None:
    connection = org(whole(b"", "429 Later", f"Retry-After: {wait}"))
    with pytest.raises(PullError, match="429"):
        describe(connection, "Contact")
    assert connection.requests < 30


@pytest.mark.parametrize(
    "said", [{}, {"fields": None}, {"fields": [1]}, {"fields": [{}]}, [], "text"]
)
def test_a_description_that_is_none_is_told(org: Opened, said: object) -> None:
    with pytest.raises(ObjectFailed, match="not what its API promises"):
        describe(org(body(said)), "Contact")


NUMBERED = ("Sforce-NumberOfRecords: 1", "Sforce-Locator: null")


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"", NUMBERED),
        (b"Id\n1\n", ()),
        (b"Id\n1\n", NUMBERED[:1]),
        (b"Id\n1\n", ("Sforce-NumberOfRecords: one", "Sforce-Locator: null")),
        (b"Id\n1\n2\n", NUMBERED),
        (b"Id\n1\n", ("Sforce-NumberOfRecords: 1", "Sforce-Locator: again")),
        (b"Id\n", ("Sforce-NumberOfRecords: 0", "Sforce-Locator: more")),
        (b'Id\n"1\xff"\n', NUMBERED),
    ],
)
def test_a_part_of_a_jobs_result_that_is_none_is_told(
    org: Opened, tmp_path: Path, content: bytes, headers: tuple[str, ...]
) -> None:
    job = BulkJob(org(whole(content, "200 OK", *headers)), "750")
    with pytest.raises(ObjectFailed):
        job.page("again", 10, tmp_path / "result.csv")


@pytest.mark.parametrize("said", [{}, {"id": None}, {"id": "../x"}, []])
def test_a_job_that_is_none_is_told(org: Opened, said: object) -> None:
    with pytest.raises(ObjectFailed):
        BulkJob.create(org(body(said)), CHOSEN, None)


def test_rows_that_are_shorter_than_their_header_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Name,Id\nKim\n")
    with pytest.raises(ObjectFailed):
        list(csv_rows(path, CHOSEN))


@pytest.mark.parametrize(
    "login",
    [
        {"instance_url": "http://evil.example"},
        {"instance_url": "http://evil.example\\@127.0.0.1"},
        {"instance_url": "https://127.0.0.1@evil.example"},
        {"instance_url": 7},
        {"access_token": None},
        {"access_token": {"a": 1}},
        {"access_token": "a\r\nX: b"},
    ],
)
def test_a_login_that_leads_elsewhere_is_refused(org: Opened, login: dict) -> None:
    connection = org(body({}), login)
    with pytest.raises(PullError, match="Salesforce"):
        describe(connection, "Contact")
    assert connection.requests == 1


def test_a_number_as_java_writes_it_is_written_out_up_to_the_length_of_numbers() -> None:
    amount = Field("amount", "Amount", "double")
    assert amount.text("1.2E7") == "12000000"
    assert amount.text("1e999999999") == "1e999999999"


@pytest.mark.parametrize(
    "url", ["http://evil.example\\@127.0.0.1", "HTTP://evil.example", "http://127.1"]
)
def test_an_address_that_is_not_this_machine_is_refused(tmp_path: Path, url: str) -> None:
    config = tmp_path / "madang.yml"
    config.write_text(f"version: 1\nsalesforce: {{url: '{url}'}}\n")
    with pytest.raises(Exception, match=r"unencrypted|is not an http") as caught:
        Login(load_settings(config), SECRETS)
    assert isinstance(caught.value, ConfigError)
