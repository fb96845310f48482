"""What goes wrong between us and Salesforce: waited for, tried again, gone on with, or told."""

import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from madang.errors import ConfigError
from madang.pull.connection import Connection
from madang.pull.login import Login
from madang.pull.one_object import ObjectPull
from madang.sandbox.salesforce import SalesforceSandbox
from madang.warehouse import open_warehouse
from salesforce_org import QUICK, Company, company, id_of

PARTS = {"bulk_from_rows": 1, "page_rows": 10}


@pytest.fixture
def maru(tmp_path: Path) -> Iterator[Company]:
    with company(tmp_path, page_rows=10) as found:
        found.people(35)
        yield found


def statuses(maru: Company, part: str) -> list[int | None]:
    return [entry["status"] for entry in maru.sandbox.log() if part in entry["path"]]


@pytest.mark.parametrize("keys", [{}, PARTS], ids=["REST", "Bulk"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("status", {"status": 503, "times": 2}),
        ("status", {"status": 500}),
        ("rate_limit", {"seconds": 0.05, "times": 4}),
        ("drop_before", {}),
        ("drop_after", {}),
        ("expire", {}),
    ],
    ids=["503", "500", "429", "dropped", "dropped after", "session ended"],
)
@pytest.mark.parametrize("after", [0, 1, 3])
def test_passing_trouble_costs_no_row(
    maru: Company, kind: str, options: dict, after: int, keys: dict
) -> None:
    maru.sandbox.faults.add(kind, after=after, **options)
    told = maru.pull_one("Contact", keys)
    assert (told.status, told.rows, told.loaded) == ("pulled", 35, 35)
    assert len({row["id"] for row in maru.landed("salesforce_contacts")}) == 35


def test_a_session_is_renewed_once_for_a_request(maru: Company) -> None:
    maru.sandbox.faults.add("expire", times=None)
    report = maru.pull("Contact")
    assert report.exit_code == 1
    assert statuses(maru, "/describe") == [401, 401]
    assert report.stopped is not None and "INVALID_SESSION_ID" in report.stopped.message


def test_what_lasts_stops_the_pull_and_the_next_one_goes_on(maru: Company) -> None:
    maru.sandbox.faults.add("status", status=503, times=None, keys=("Lead",))
    report = maru.pull("Account", "Contact", "Lead", "Case")
    assert report.exit_code == 3
    assert [one.status for one in report.objects] == [
        "nothing new",
        "pulled",
        "failed",
        "not reached",
    ]
    assert report.stopped is not None and "503" in report.stopped.message
    assert "goes on" in (report.stopped.fix or "")
    maru.sandbox.faults.clear()
    again = maru.pull("Account", "Contact", "Lead", "Case")
    assert again.exit_code == 0 and not any(one.loaded for one in again.objects)


def test_calls_that_are_used_up_end_the_pull(maru: Company) -> None:
    maru.sandbox.faults.add("limit", keys=("more",))
    report = maru.pull("Contact", "Lead")
    assert [one.status for one in report.objects] == ["failed", "not reached"]
    assert report.stopped is not None and "used up" in report.stopped.message
    assert maru.landed("salesforce_contacts") == []
    assert maru.pull_one("Contact").loaded == 35


def test_the_last_calls_of_the_org_are_left_to_others(tmp_path: Path) -> None:
    with company(tmp_path, calls=10, page_rows=5) as maru:
        maru.people(100)
        report = maru.pull("Contact", keys={"max_api_share": 0.5})
        assert report.stopped is not None and "max_api_share" in report.stopped.message
        assert (report.used, report.allowed) == (6, 10)


@pytest.mark.parametrize("keys", [{}, PARTS], ids=["REST", "Bulk"])
def test_fewer_rows_than_told_are_not_taken(maru: Company, keys: dict) -> None:
    maru.sandbox.faults.add("short", keys=("query", "results") if not keys else ("results",))
    told = maru.pull_one("Contact", keys)
    assert told.status == "failed" and "none of these is taken" in (told.reason or "")
    assert maru.landed("salesforce_contacts") == []
    assert maru.pull_one("Contact", keys).loaded == 35


def test_a_job_that_failed_is_told_and_begun_anew(maru: Company) -> None:
    maru.people(3, "Lead")
    maru.sandbox.faults.add("job_failed", keys=("job",))
    report = maru.pull("Contact", "Lead", keys=PARTS)
    assert [one.status for one in report.objects] == ["failed", "pulled"]
    assert "InternalServerError" in (report.objects[0].reason or "")
    assert report.exit_code == 3
    told = maru.pull_one("Contact", PARTS)
    assert (told.status, told.loaded) == ("pulled", 35)


def test_a_query_that_is_too_much_for_rest_becomes_a_job(
    maru: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    from madang.pull import ObjectFailed, one_object

    def too_long(*_: object) -> None:
        error = ObjectFailed("Salesforce refused a request (QUERY_TIMEOUT).")
        error.code = "QUERY_TIMEOUT"
        raise error

    monkeypatch.setattr(one_object, "query", too_long)
    told = maru.pull_one("Contact")
    assert (told.status, told.method, told.loaded) == ("pulled", "Bulk", 35)


def test_a_job_goes_on_where_its_pull_was_cut_off(maru: Company) -> None:
    maru.sandbox.faults.add("limit", keys=("results",), after=2)
    first = maru.pull_one("Contact", PARTS)
    assert (first.status, first.loaded) == ("failed", 20)
    maru.sandbox.org.put("Contact", id_of("Contact", 0), Email="later@maru.example")
    second = maru.pull_one("Contact", PARTS)
    assert (second.status, second.method) == ("pulled", "Bulk, Bulk")
    assert (second.rows, second.loaded) == (15 + 1, 15 + 1), "what changed since came, too"
    assert any("went on" in note for note in second.notes)
    assert len(maru.sandbox.queries.jobs) == 0, "the result was not deleted"
    assert maru.pull_one("Contact", PARTS).loaded == 0


def test_a_job_whose_result_is_gone_is_begun_anew(maru: Company) -> None:
    maru.sandbox.faults.add("limit", keys=("results",), after=1)
    maru.pull_one("Contact", PARTS)
    maru.sandbox.queries.jobs.clear()
    told = maru.pull_one("Contact", PARTS)
    assert (told.status, told.rows, told.loaded) == ("pulled", 35, 25)
    assert len(maru.landed("salesforce_contacts")) == 35


def test_a_first_pull_that_was_cut_off_before_its_bookmark_lands_nothing_twice(
    maru: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as cut_off:
        cut_off.setattr(ObjectPull, "_finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            maru.pull_one("Contact")
    assert len(maru.landed("salesforce_contacts")) == 35
    told = maru.pull_one("Contact", PARTS)
    assert (told.method, told.rows, told.loaded) == ("Bulk", 35, 0)


def test_a_job_of_other_fields_is_not_gone_on_with(maru: Company) -> None:
    maru.sandbox.faults.add("limit", keys=("results",), after=1)
    maru.pull_one("Contact", PARTS)
    told = maru.pull_one("Contact", {**PARTS, "fields": "{Contact: {lead_source: Phone}}"})
    assert (told.rows, told.asked_from) == (35, None)


def test_a_wrong_secret_is_told_without_it(maru: Company, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings = maru.settings()
    environ = {**maru.environ, "MADANG_SALESFORCE_CLIENT_SECRET": "not-the-secret"}
    from madang.pull.salesforce import pull

    report = pull(settings, lambda: open_warehouse(settings), environ=environ, retry=QUICK)
    assert report.exit_code == 1 and report.stopped is not None
    assert "invalid_client" in report.stopped.message
    assert "not-the-secret" not in f"{report.stopped} {report.objects} {caplog.text}"


def test_tokens_are_never_told(maru: Company, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    report = maru.pull("Contact", keys=PARTS)
    assert maru.sandbox.tokens
    for token in maru.sandbox.tokens:
        assert token not in caplog.text and token not in str(report)


def test_nobody_at_the_address(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with company(tmp_path) as maru:
        report = maru.pull(keys={"url": f"http://127.0.0.1:{port}"})
    assert report.exit_code == 1
    assert report.stopped is not None and "connection refused" in report.stopped.message
    assert {one.status for one in report.objects} == {"failed", "not reached"}


def test_an_old_version_of_the_api_is_told(maru: Company) -> None:
    maru.sandbox.faults.add("status", status=410, keys=("describe",))
    report = maru.pull("Contact")
    assert report.stopped is not None and "api_version" in (report.stopped.fix or "")


jwt = pytest.importorskip("jwt")


@pytest.fixture(scope="module")
def key_pair() -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private, key.public_key().public_bytes(encoding, form)


def test_a_signed_login(tmp_path: Path, key_pair: tuple[bytes, bytes]) -> None:
    file = tmp_path / "salesforce.key"
    file.write_bytes(key_pair[0])
    with SalesforceSandbox(public_key=key_pair[1]) as sandbox:
        settings = Company(tmp_path, sandbox).settings(auth="jwt")
        environ = {
            "MADANG_SALESFORCE_CLIENT_ID": sandbox.client_id,
            "MADANG_SALESFORCE_USERNAME": "madang@acme.example",
            "MADANG_SALESFORCE_PRIVATE_KEY_FILE": str(file),
        }
        login = Login(settings, environ)
        connection = Connection(login, QUICK)
        assert connection.get(f"{connection.data}/sobjects/Contact/describe").json()["fields"]
        claims = jwt.decode(login.grant.form()["assertion"], options={"verify_signature": False})
        assert claims["exp"] <= time.time() + 300
        file.write_text("no key")
        with pytest.raises(ConfigError, match="cannot be used"):
            Login(settings, environ)
        file.unlink()
        with pytest.raises(ConfigError, match="cannot be read"):
            Login(settings, environ)


def test_the_local_salesforce_takes_no_unsigned_login(
    tmp_path: Path, key_pair: tuple[bytes, bytes]
) -> None:
    from madang.sandbox.salesforce import JWT_GRANT, TOKEN

    claims = {"iss": "sandbox-client", "sub": "x", "aud": "https://login.salesforce.com"}
    with SalesforceSandbox(public_key=key_pair[1]) as sandbox:
        for exp, key in ((60, "a" * 64), (3600, key_pair[0])):
            algorithm = "HS256" if isinstance(key, str) else "RS256"
            said = jwt.encode({**claims, "exp": int(time.time()) + exp}, key, algorithm=algorithm)
            form = {"grant_type": JWT_GRANT, "assertion": said}
            assert requests.post(sandbox.url + TOKEN, data=form, timeout=5).status_code == 400
