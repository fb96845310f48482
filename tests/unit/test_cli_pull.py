"""`madang pull` as it is typed: what it prints, its exit codes, and what the doctor says of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from madang.cli import app
from madang.http.retry import Retry
from madang.pull import salesforce
from madang.pull.command import pull_if_configured
from salesforce_org import QUICK, Company, company, id_of


@pytest.fixture
def maru(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    with company(tmp_path) as found:
        found.settings()
        for name, value in found.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(salesforce, "Connection", quick(salesforce.Connection))
        yield found


def quick(kind: type) -> type:
    class Quick(kind):  # type: ignore[misc]
        def __init__(self, login: object, retry: Retry | None = None) -> None:
            super().__init__(login, QUICK)

    return Quick


def madang(maru: Company, *args: str) -> tuple[int, str]:
    ran = CliRunner().invoke(app, ["--config", str(maru.root), *args])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran.exit_code, ran.output


def test_a_pull_tells_what_came_and_what_it_cost(maru: Company) -> None:
    maru.people(12)
    code, out = madang(maru, "pull", "salesforce")
    assert code == 0
    assert "12 new rows" in out and "calls of 24 hours" in out
    line = next(line for line in out.splitlines() if line.lstrip().startswith("Contact "))
    assert line.split() == ["Contact", "pulled", "REST", "-", "12", "12", "0"]
    assert "p0@maru.example" not in out


def test_exit_codes(maru: Company) -> None:
    maru.people(2)
    assert madang(maru, "pull", "salesforce", "--object", "contact")[0] == 0
    maru.sandbox.org.put("Contact", id_of("Contact", 5), Name="박", Phone="call mum")
    code, out = madang(maru, "pull", "salesforce")
    assert code == 3
    assert "not one complete phone number" in out and "rejects:" in out and "call mum" not in out
    maru.sandbox.faults.add("status", status=503, times=None)
    code, out = madang(maru, "pull", "salesforce")
    assert code == 1
    assert "Salesforce is down" in out and "not reached" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("hubspot",), "nothing to pull named 'hubspot'"),
        (("salesforce", "--object", "Contacts"), "Did you mean 'Contact'?"),
        (("salesforce", "--since", "yesterday"), "--since is no moment"),
        (("salesforce", "--accept", "fine"), "--accept needs"),
    ],
)
def test_wrong_use_is_told(maru: Company, arguments: tuple[str, ...], words: str) -> None:
    code, out = madang(maru, "pull", *arguments)
    assert (code, words in out) == (2, True), out


def test_a_secret_that_is_not_set(maru: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MADANG_SALESFORCE_CLIENT_SECRET")
    code, out = madang(maru, "pull", "salesforce")
    assert (code, "MADANG_SALESFORCE_CLIENT_SECRET is empty" in out) == (2, True)
    _, out = madang(maru, "doctor")
    assert "warning  Salesforce:" in out and "MADANG_SALESFORCE_CLIENT_SECRET is empty" in out


def test_without_salesforce_in_the_settings(maru: Company) -> None:
    (maru.root / "madang.yml").write_text("version: 1\n", encoding="utf-8")
    code, out = madang(maru, "pull", "salesforce")
    assert (code, "does not say which Salesforce" in out) == (2, True)
    assert "Salesforce" not in madang(maru, "doctor")[1].replace("extra salesforce", "")


def test_the_doctor_logs_in_when_it_may(maru: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    _, out = madang(maru, "doctor", "--online")
    assert "ok       Salesforce:" in out
    assert "ok       Salesforce login: calls of 24 hours used: 1 of 100,000" in out
    monkeypatch.setenv("MADANG_SALESFORCE_CLIENT_SECRET", "wrong")
    code, out = madang(maru, "doctor", "--online")
    assert code == 1 and "problem  Salesforce login: Salesforce refused the login" in out


def test_an_unknown_key_is_told_with_its_line(maru: Company) -> None:
    (maru.root / "madang.yml").write_text(
        "version: 1\nsalesforce:\n  url: https://a.my.salesforce.com\n  overlap: 5\n",
        encoding="utf-8",
    )
    code, out = madang(maru, "pull", "salesforce")
    assert code == 2
    assert "madang.yml:4" in out and "Did you mean 'overlap_minutes'?" in out


def test_a_whole_run_pulls_first_and_an_outage_does_not_stop_it(maru: Company) -> None:
    maru.people(2)
    settings = maru.settings()
    assert pull_if_configured(settings) == 0
    assert len(maru.landed("salesforce_contacts")) == 2
    maru.sandbox.faults.add("status", status=503, times=None)
    assert pull_if_configured(settings) == 3
    assert pull_if_configured(settings.model_copy(update={"salesforce": None})) == 0


def test_the_status_shows_what_was_pulled_and_not_that_nothing_was_new(maru: Company) -> None:
    maru.people(2)
    madang(maru, "pull", "salesforce")
    _, out = madang(maru, "status")
    assert "pulled-contact-" in out and "nothing new" not in out
    lines = [line for line in out.splitlines() if "salesforce.campaigns" in line]
    assert lines and "fresh" in lines[0]
    assert "not used: ads" in out
