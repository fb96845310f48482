"""Many records by jobs of Bulk API 2.0 at a local Salesforce: none lost, none written over."""

import subprocess
import sys
import time
from datetime import timedelta

import pytest

from demo_workspace import SUPPORT
from madang.sandbox.org import Org
from madang.sandbox.salesforce import SalesforceSandbox
from madang.settings.salesforce import SalesforceSettings
from madang.settings.workspace import load_settings
from madang.sync import DestinationDown, clock, later
from madang.sync.destinations.base import Change, SyncObject
from madang.sync.destinations.salesforce.destination import SalesforceTarget
from madang.sync.destinations.salesforce.jobs import as_csv, pieces
from sync_place import Place, counted

FIELDS = {
    "Contact": {
        "Id": "id",
        "LastName": "string",
        "No__c": "external_id",
        "Vip__c": "boolean",
        "Tier__c": "string",
        "Visits__c": "int",
    },
    "Visit__c": {"Id": "id", "No__c": "external_id", "Done__c": "boolean"},
}
ENVIRON = {
    "MADANG_SALESFORCE_CLIENT_ID": "sandbox-client",
    "MADANG_SALESFORCE_CLIENT_SECRET": "sandbox-secret",
}
TARGET = SalesforceTarget(bulk_from_records=10, records_per_job=8, records_per_request=5)


def vips(*numbers: int, value: str = "true") -> list[tuple]:
    return [(f"C{number:04}", "Vip__c", value) for number in numbers]


class There(Place):
    """A workspace whose one sync sends jobs from ten records on."""

    def __init__(self, root, url, more="leaving: false", name="contact", **keys) -> None:
        more = f", external_id_field: No__c, {more}"
        super().__init__(
            root, "salesforce", TARGET, ENVIRON, more=more, name=name, key="external_id"
        )
        self.at(url, **keys)

    @classmethod
    def existing(cls, root, url):
        """Open the workspace that another process made."""
        there = cls.__new__(cls)
        there.root, there.environ = root, ENVIRON
        read = load_settings(root / "madang.yml")
        there.settings = read.model_copy(update={"destinations": {"salesforce": TARGET}})
        there.at(url)
        return there

    def at(self, url: str, **keys) -> None:
        org = SalesforceSettings(url=url, **keys)
        self.settings = self.settings.model_copy(update={"salesforce": org})

    def ask(self) -> list[str]:
        return [one.status for one in later.ask(self.settings, self.warehouse)]


@pytest.fixture
def sandbox():
    with SalesforceSandbox(org=Org(FIELDS)) as found:
        for number in range(40):
            values = {"LastName": "김", "No__c": f"C{number:04}", "Vip__c": False}
            found.org.put("Contact", f"003{number:012}AAA", **values)
        yield found


@pytest.fixture
def there(tmp_path, sandbox, monkeypatch):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    return There(tmp_path, sandbox.url)


def checked(sandbox) -> set[int]:
    return {int(one["No__c"][1:]) for one in sandbox.org.records("Contact") if one.get("Vip__c")}


def test_many_records_go_by_jobs_and_few_by_requests(there, sandbox):
    result = there.sync(*vips(*range(20)))
    assert (result.status, result.accepted, result.batches) == ("succeeded", 20, 3)
    assert checked(sandbox) == set(range(20))
    assert [one.state for one in sandbox.ingest.jobs.values()] == ["JobComplete"] * 3
    references = {row["remote_reference"] for row in there.ledger("sync_batches")}
    assert references == set(sandbox.ingest.jobs)
    there.sync(*vips(*range(15, 22)))  # 15 leave and 2 come
    assert checked(sandbox) == set(range(15, 22))
    assert len(sandbox.ingest.jobs) == 3 + 3
    there.sync(*vips(*range(15, 24)))
    assert checked(sandbox) == set(range(15, 24))
    assert len(sandbox.ingest.jobs) == 6, "two records need no job"
    assert there.ask() == [], "each run begins with what was left of the one before"
    assert [row["status"] for row in there.ledger("sync_answers")] == ["applied"] * 6
    assert counted(there)[("Vip__c", "add", "applied")] == 22
    assert there.sync(*vips(*range(15, 24))) is None


def test_a_record_that_fails_is_found_by_its_key_whatever_the_order(there, sandbox):
    sandbox.org.rules["Contact"] = lambda values: (
        "단계가 맞지 않습니다" if values.get("Tier__c") == "X" else None
    )
    rows = [*vips(*range(20)), ("C0003", "Tier__c", '"X"'), ("C0011", "Tier__c", '"X"')]
    result = there.sync(*rows)
    assert (result.status, result.accepted, result.rejected) == ("partial", 18, 4)
    rejects = there.ledger("sync_rejects")
    assert {row["sync_key"] for row in rejects} == {"C0003", "C0011"}
    assert {row["reason"] for row in rejects} == {"refused by a validation rule"}
    assert "단계가 맞지 않습니다" in rejects[0]["problem"]
    assert checked(sandbox) == set(range(20)) - {3, 11}
    assert there.ask() == ["partial", "partial", "applied"]
    sandbox.org.rules.clear()
    there.sync(*rows)
    assert checked(sandbox) == set(range(20))


def test_a_field_that_did_not_change_is_left_alone_and_one_that_goes_is_emptied(tmp_path, sandbox):
    there = There(tmp_path, sandbox.url, more="leaving: null")
    rows = [(f"C{number:04}", "Tier__c", '"a, ""b\\"\\n김"') for number in range(20)]
    rows = [(key, field, '"a, \\"b\\"\\n김"') for key, field, _ in rows]
    there.sync(*rows, *vips(5), ("C0006", "Visits__c", "12"))
    found = {one["No__c"]: one for one in sandbox.org.records("Contact")}
    assert found["C0000"]["Tier__c"] == 'a, "b"\n김'
    assert (found["C0005"]["Vip__c"], found["C0004"]["Vip__c"]) == (True, False)
    assert found["C0006"]["Visits__c"] == "12"
    there.sync(*vips(5))
    found = {one["No__c"]: one for one in sandbox.org.records("Contact")}
    assert {found[f"C{number:04}"]["Tier__c"] for number in range(20)} == {None}
    assert found["C0005"]["Vip__c"] is True


def test_nobody_is_made_unless_the_sync_says_so(tmp_path, there, sandbox):
    sandbox.org.put("Contact", "003X", LastName="김", No__c="D0001")
    result = there.sync(*vips(*range(12)), ("d0001", "Vip__c", "true"), ("C9999", "Vip__c", "true"))
    assert (result.accepted, result.rejected) == (13, 1)
    assert [row["reason"] for row in there.ledger("sync_rejects")] == ["not in salesforce"]
    assert len(sandbox.org.records("Contact")) == 41
    (tmp_path / "other").mkdir()
    makes = There(tmp_path / "other", sandbox.url, more="create_missing: true, leaving: false")
    new = [(f"N{number:04}", "LastName", '"이"') for number in range(12)]
    assert makes.sync(*new).accepted == 12
    assert len(sandbox.org.records("Contact")) == 53


def test_keys_of_one_record_and_the_sign_that_empties_are_refused_before(there, sandbox):
    rows = [*vips(*range(12)), ("c0009", "Vip__c", "true"), ("C0002", "Tier__c", '"#N/A"')]
    result = there.sync(*rows)
    assert (result.accepted, result.rejected) == (11, 3)
    told = {row["sync_key"]: row["problem"] for row in there.ledger("sync_rejects")}
    assert "case alone" in told["c0009"] and "#N/A" in told["C0002"]


def test_a_record_that_is_locked_in_a_job_goes_once_more(there, sandbox):
    sandbox.faults.add("row_lock", keys=("close",), rows=("C0001", "C0009"))
    assert there.sync(*vips(*range(12))).status == "succeeded"
    assert checked(sandbox) == set(range(12))


def test_what_a_job_did_is_known_where_its_locked_records_are_refused(there, sandbox):
    sandbox.faults.add("row_lock", keys=("close",), rows=("C0001",))
    sandbox.faults.add("status", keys=("upsert",), times=None, status=403)
    result = there.sync(*vips(*range(12)))
    assert (result.status, result.accepted, result.rejected) == ("partial", 11, 1)
    assert checked(sandbox) == set(range(12)) - {1}
    sandbox.faults.clear()
    assert there.sync(*vips(*range(12))).accepted == 1
    assert checked(sandbox) == set(range(12))


@pytest.mark.parametrize("key", ["ingest", "upload", "close", "look"])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "expire"])
def test_passing_trouble_costs_no_row(there, sandbox, key, kind):
    sandbox.faults.add(kind, keys=(key,), after=1)
    assert there.sync(*vips(*range(20))).status == "succeeded"
    assert checked(sandbox) == set(range(20))


def test_what_a_failed_job_did_not_process_is_sent_by_the_next_plan(there, sandbox):
    sandbox.faults.add("job_failed", keys=("close",))
    result = there.sync(*vips(*range(12)))
    assert (result.status, result.accepted, result.rejected) == ("partial", 8, 4)
    assert {row["reason"] for row in there.ledger("sync_rejects")} == {
        "not processed by salesforce"
    }
    assert there.ask() == ["partial", "applied"]
    there.sync(*vips(*range(12)))
    assert checked(sandbox) == set(range(12))


def test_a_job_that_never_ends_is_accepted_asked_for_and_never_overtaken(there, sandbox):
    there.at(sandbox.url, job_timeout_minutes=0.001)
    sandbox.faults.add("never_ends", keys=("ingest",))
    result = there.sync(*vips(*range(8)), *vips(8, 9, 10))
    assert (result.status, result.accepted) == ("succeeded", 11)
    assert sorted(there.ask()) == ["applied", "waiting"]
    there.want(*vips(*range(3, 11)))
    there.plan()
    with pytest.raises(DestinationDown, match="earlier run"):
        there.apply(allow_guards=True)
    assert checked(sandbox) == set(range(11)), "the next plan overtook a job"
    for job in sandbox.ingest.jobs.values():
        job.looks = 0
    assert there.apply(allow_guards=True).status == "succeeded"
    assert checked(sandbox) == set(range(3, 11))
    assert {row["status"] for row in there.ledger("sync_answers")} == {"applied"}


@pytest.mark.parametrize("set_back", [0, 1])
def test_what_a_late_job_rejects_is_planned_again_and_the_plan_says_so(
    there, sandbox, monkeypatch, set_back
):
    there.at(sandbox.url, job_timeout_minutes=0.001)
    sandbox.org.rules["Contact"] = lambda values: "아니오" if values.get("Tier__c") == "X" else None
    sandbox.faults.add("never_ends", keys=("ingest",))
    rows = [*vips(*range(8)), *vips(8, 9, 10), ("C0003", "Tier__c", '"X"')]
    assert there.sync(*rows).accepted == 12
    for job in sandbox.ingest.jobs.values():
        job.looks = 0
    asked_at = clock.utc_now() - timedelta(days=set_back)
    with monkeypatch.context() as machine:
        machine.setattr(later, "utc_now", lambda: asked_at)
        assert "partial" in there.ask()
    plan = there.plan()
    assert (plan.added, plan.changed, plan.warnings) == (0, 2, {"rejected_before": 1})
    sandbox.org.rules.clear()
    assert there.apply().accepted == 2
    assert checked(sandbox) == set(range(11))
    assert there.plan().is_empty


APPLY = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[4]]
from test_sync_salesforce_jobs import There
There.existing(Path(sys.argv[2]), sys.argv[3]).apply(allow_guards=True)
"""


def killed_after(there, sandbox, requests: int) -> None:
    begun = len(sandbox.log())
    here = str(__file__).rpartition("/")[0]
    process = subprocess.Popen(
        [sys.executable, "-c", APPLY, str(SUPPORT), str(there.root), sandbox.url, here]
    )
    while len(sandbox.log()) - begun < requests and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    process.wait()
    time.sleep(0.1)  # what was in flight may still arrive


# token, keys, make, upload, close, look, look, results, …
@pytest.mark.parametrize("requests", [3, 4, 6])
def test_a_killed_run_finds_its_job_again(there, sandbox, requests):
    there.want(*vips(*range(20)))
    there.plan()
    sandbox.faults.add("slow", times=None, seconds=0.06)
    killed_after(there, sandbox, requests)
    sandbox.faults.clear()
    made = len(sandbox.ingest.jobs)
    assert made >= 1
    result = there.apply()
    assert result.is_resumed or requests == 3
    assert checked(sandbox) == set(range(20))
    states = {one.state for one in sandbox.ingest.jobs.values()}
    assert states <= {"JobComplete", "Aborted", "Open"}
    left_open = [one for one in sandbox.ingest.jobs.values() if one.state == "Open"]
    assert all(one.content is None for one in left_open), "only one that the journal never had"
    sent = [one for one in sandbox.ingest.jobs.values() if one.state == "JobComplete"]
    keys = [row["No__c"] for one in sent for row in one.lists["successfulResults"]]
    assert len(keys) == len(set(keys)) == 20, "a record was written twice"
    assert there.plan().is_empty


def test_a_job_of_a_killed_run_is_known_before_what_comes_after_it(there, sandbox):
    there.want(*vips(*range(12)))
    there.plan()
    sandbox.faults.add("slow", times=None, seconds=0.06)
    killed_after(there, sandbox, 6)
    sandbox.faults.clear()
    there.want(*vips(*range(6, 12)))
    there.plan()
    there.apply(allow_guards=True)
    assert checked(sandbox) == set(range(6, 12))


def test_a_custom_object_goes_the_same_ways(tmp_path, sandbox):
    more = "api_name: Visit__c, create_missing: true, leaving: false"
    there = There(tmp_path, sandbox.url, more=more, name="custom")
    there.sync(*[(f"V{number}", "Done__c", "true") for number in range(12)])
    there.sync(*[(f"V{number}", "Done__c", "true") for number in range(10)])
    found = {one["No__c"]: one["Done__c"] for one in sandbox.org.records("Visit__c")}
    assert found == {f"V{number}": number < 10 for number in range(12)}


def test_the_file_of_a_job_has_room_in_it(monkeypatch):
    monkeypatch.setattr("madang.sync.destinations.salesforce.jobs.JOB_BYTES", 300)
    objects = [
        SyncObject(number, f"C{number}", (Change(f"F{number % 3}__c", f'"{"김" * number}"'),))
        for number in range(30)
    ]
    groups = list(pieces(objects, 100))
    assert [one for group in groups for one in group] == objects
    assert len(groups) > 3
    for group in groups:
        assert len(as_csv(group, "No__c", None)) <= 300 + len("No__c,F0__c,F1__c,F2__c\n") + 100
