"""The doctor says in time that the version of an API ends, by a list with the vendors' pages."""

import csv
import tomllib
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace

import pytest

from demo_workspace import MARU, REPOSITORY
from madang.health import doctor, doctor_destinations
from madang.settings.salesforce import SalesforceSettings
from madang.sync.destinations.customer_files import KakaoSettings, NaverSettings
from madang.sync.destinations.file.destination import FileSettings
from madang.sync.destinations.meta.destination import MetaSettings
from madang.sync.destinations.salesforce.destination import SalesforceTarget


@pytest.fixture
def version(monkeypatch):
    """What the doctor says of a version on a day."""

    def told(day: str, name: str, version: str, project=MARU) -> tuple[str, str]:
        moment = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)
        monkeypatch.setattr(doctor_destinations, "utc_now", lambda: moment)
        given = {
            "salesforce": SalesforceTarget(),
            "meta": MetaSettings(ad_account_id="1234567890", api_version=version)
            if name == "meta"
            else None,
        }
        org = SalesforceSettings(url="https://maru.my.salesforce.com", api_version=version)
        settings = SimpleNamespace(destinations=given, salesforce=org, project_dir=project)
        (look,) = doctor_destinations._version(settings, name)
        return look.status, look.detail

    return told


@pytest.mark.parametrize(
    ("day", "name", "number", "status"),
    [
        ("2026-11-30", "salesforce", "66.0", "ok"),
        ("2026-11-30", "salesforce", "30.0", "problem"),
        ("2026-11-30", "salesforce", "40.0", "ok"),
        ("2027-06-01", "salesforce", "40.0", "warning"),  # not supported any more
        ("2026-11-30", "salesforce", "99.0", "warning"),  # of no known version
        ("2026-10-22", "meta", "21.0", "ok"),  # 91 days before
        ("2026-10-23", "meta", "21.0", "warning"),
        ("2027-01-20", "meta", "21.0", "warning"),
        ("2027-01-21", "meta", "21.0", "problem"),
    ],
)
def test_the_end_of_a_version_is_told_90_days_before(version, day, name, number, status):
    found, detail = version(day, name, number)
    assert found == status
    assert number in detail


def test_a_company_may_know_more(version, tmp_path):
    (tmp_path / "seeds").mkdir()
    header = (REPOSITORY / "seeds/api_versions.csv").read_text().splitlines()[0]
    row = "salesforce,66.0,66.0,,2026-12-31,https://vendor.example"
    (tmp_path / "seeds/api_versions_added.csv").write_text(f"{header}\n{row}\n")
    assert version("2026-11-30", "salesforce", "66.0", tmp_path)[0] == "warning"


@pytest.mark.parametrize("row", ["salesforce,sixty,66.0,,,x", "salesforce,66.0,66.0,,soon,x", "x"])
def test_a_list_of_a_company_that_cannot_be_read_is_told(version, tmp_path, row):
    (tmp_path / "seeds").mkdir()
    header = (REPOSITORY / "seeds/api_versions.csv").read_text().splitlines()[0]
    (tmp_path / "seeds/api_versions_added.csv").write_text(f"{header}\n{row}\n")
    status, detail = version("2026-11-30", "salesforce", "66.0", tmp_path)
    assert status == "warning"
    assert "api_versions_added.csv cannot be read" in detail


@pytest.mark.parametrize(
    ("name", "given"),
    [("file", FileSettings()), ("kakao", KakaoSettings()), ("naver", NaverSettings())],
)
def test_a_folder_is_looked_at_without_a_sync(tmp_path, name, given):
    settings = SimpleNamespace(destinations={name: given}, root=tmp_path, config_path="madang.yml")
    (look,) = doctor_destinations.examine(settings)
    assert (look.name, look.status) == (f"destination {name}", "ok")


def test_every_extra_is_looked_for():
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert set(doctor.EXTRAS) == set(declared["project"]["optional-dependencies"])


def test_every_row_has_a_page_and_no_two_overlap():
    with (REPOSITORY / "seeds/api_versions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(row["source"].startswith("https://") for row in rows)
    for name in {row["destination"] for row in rows}:
        bounds = [
            tuple(float(row[key]) for key in ("first_version", "last_version"))
            for row in rows
            if row["destination"] == name
        ]
        assert bounds == sorted(bounds)
        assert all(one[1] < other[0] for one, other in pairwise(bounds))
