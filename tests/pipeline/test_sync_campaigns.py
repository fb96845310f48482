"""Members of a campaign at a local Salesforce, over HTTP, from rows to receipts and to erasure."""

import subprocess
import sys
import time

import pytest

from demo_workspace import SUPPORT
from madang.erase.lists import keeping, memberships
from madang.erase.values import Known
from madang.health import doctor_destinations
from madang.sandbox.org import Org
from madang.sandbox.salesforce import SalesforceSandbox
from madang.settings.salesforce import SalesforceSettings
from madang.sync import DestinationDown, DestinationRefused, deletions
from madang.sync.destinations.salesforce.destination import SalesforceTarget
from sync_place import Place

FIELDS = {
    "Contact": {"Id": "id", "LastName": "string", "No__c": "external_id", "Vip__c": "boolean"},
    "Lead": {
        "Id": "id",
        "LastName": "string",
        "No__c": "external_id",
        "IsConverted": "boolean",
        "ConvertedContactId": "reference",
    },
    "Campaign": {"Id": "id", "Name": "string", "IsActive": "boolean"},
    "CampaignMember": {
        "Id": "id",
        "CampaignId": "reference",
        "ContactId": "reference",
        "LeadId": "reference",
        "Status": "picklist",
        "HasResponded": "boolean",
    },
}
ENVIRON = {
    "MADANG_SALESFORCE_CLIENT_ID": "sandbox-client",
    "MADANG_SALESFORCE_CLIENT_SECRET": "sandbox-secret",
}


def wants(*numbers: int, value: str = "true") -> list[tuple]:
    return [(f"C{number:04}", "vips", value) for number in numbers]


class There(Place):
    """A workspace whose one sync keeps a campaign."""

    def __init__(self, root, sandbox, more="", **names) -> None:
        names = {"name": "campaign_members", "key": "external_id", **names}
        more = f", external_id_field: No__c{more}"
        super().__init__(root, "salesforce", SalesforceTarget(), ENVIRON, more=more, **names)
        self.at(sandbox.url)

    def at(self, url: str) -> None:
        org = SalesforceSettings(url=url)
        self.settings = self.settings.model_copy(update={"salesforce": org})


@pytest.fixture
def sandbox():
    """Ten contacts and ten leads; 18 was converted to contact 1, 19 to one without a number."""
    with SalesforceSandbox(org=Org(FIELDS)) as found:
        for number in range(10):
            found.org.put("Contact", contact(number), LastName="김", No__c=f"C{number:04}")
        found.org.put("Contact", contact(19), LastName="박")
        for number in range(10, 20):
            values = {"LastName": "이", "No__c": f"C{number:04}", "IsConverted": number > 17}
            if number > 17:
                values["ConvertedContactId"] = contact({18: 1, 19: 19}[number])
            found.org.put("Lead", lead(number), **values)
        yield found


@pytest.fixture
def there(tmp_path, sandbox):
    return There(tmp_path, sandbox)


def contact(number: int) -> str:
    return f"003{number:012}AAA"


def lead(number: int) -> str:
    return f"00Q{number:012}AAA"


def members(sandbox) -> dict[str, str]:
    """The status of each member, by the id of the contact or the lead."""
    found = [one for one in sandbox.org.records("CampaignMember") if not one["IsDeleted"]]
    told = {one.get("ContactId") or one["LeadId"]: one["Status"] for one in found}
    assert len(told) == len(found), "somebody is a member twice"
    return told


def test_a_campaign_holds_exactly_who_is_wanted(there, sandbox):
    assert there.sync(*wants(1, 2, 11)).accepted == 3
    assert members(sandbox) == dict.fromkeys([contact(1), contact(2), lead(11)], "Sent")
    (campaign,) = sandbox.org.records("Campaign")
    assert campaign["Name"] == "madang_vips"
    result = there.sync(*wants(2, 3))
    assert (result.status, result.accepted) == ("succeeded", 3)
    assert members(sandbox) == dict.fromkeys([contact(2), contact(3)], "Sent")
    assert len(sandbox.org.records("Campaign")) == 1
    assert there.sync(*wants(2, 3)) is None


def test_who_is_a_member_already_keeps_the_status(there, sandbox):
    there.sync(*wants(1))
    (member,) = sandbox.org.records("CampaignMember")
    sandbox.org.put("CampaignMember", member["Id"], Status="Responded")
    sandbox.faults.add("drop_after", keys=("insert",))
    there.sync(*wants(1, 2))
    assert members(sandbox) == {contact(1): "Responded", contact(2): "Sent"}


def test_a_status_is_made_before_a_member_has_it_and_a_changed_one_is_set(tmp_path, sandbox):
    there = There(tmp_path, sandbox, more=", status: 초대, responded: [방문]")
    there.sync(*wants(1), *wants(2, value='"방문"'))
    assert members(sandbox) == {contact(1): "초대", contact(2): "방문"}
    there.sync(*wants(1, 2, value='"방문"'))
    assert set(members(sandbox).values()) == {"방문"}
    assert all(one["HasResponded"] for one in sandbox.org.records("CampaignMember"))
    labels = [one["Label"] for one in sandbox.org.records("CampaignMemberStatus")]
    assert labels == ["Sent", "Responded", "방문", "초대"]


def test_a_converted_lead_is_its_contact(there, sandbox):
    result = there.sync(*wants(1, 18, 19))
    assert (result.accepted, result.rejected) == (2, 1)
    assert set(members(sandbox)) == {contact(1), contact(19)}
    (reject,) = there.ledger("sync_rejects")
    assert (reject["sync_key"], reject["reason"]) == ("C0018", "several in salesforce")


def test_who_is_not_there_or_there_twice_is_rejected_and_the_others_come(there, sandbox):
    sandbox.org.put("Contact", contact(99), LastName="김", No__c="C0001")
    result = there.sync(*wants(1, 2, 77))
    assert (result.status, result.accepted, result.rejected) == ("partial", 1, 2)
    told = {row["sync_key"]: row["reason"] for row in there.ledger("sync_rejects")}
    assert told == {"C0001": "several in salesforce", "C0077": "not in salesforce"}
    assert set(members(sandbox)) == {contact(2)}


def test_only_the_persons_that_the_sync_names_are_looked_for(tmp_path, sandbox):
    there = There(tmp_path, sandbox, more=", persons: [lead]")
    assert there.sync(*wants(1, 11)).rejected == 1
    assert set(members(sandbox)) == {lead(11)}


def test_who_is_deleted_in_salesforce_leaves_without_trouble(there, sandbox):
    there.sync(*wants(1, 2))
    sandbox.org.delete("Contact", contact(1))
    assert there.sync(*wants(2)).status == "succeeded"


def test_a_campaign_of_the_companys_is_named_by_its_id(tmp_path, sandbox):
    campaign = "701000000000001AAA"
    there = There(tmp_path, sandbox, more=f", campaigns: {{vips: {campaign}}}")
    with pytest.raises(DestinationRefused, match="no campaign") as error:
        there.sync(*wants(1))
    assert "Marketing User" in error.value.fix
    sandbox.org.put("Campaign", campaign, Name="가을 시승")
    assert there.apply().accepted == 1  # its status is not there and is made
    assert members(sandbox) == {contact(1): "Sent"}


def test_a_deleted_campaign_is_not_made_anew_behind_the_ledgers_back(there, sandbox):
    there.sync(*wants(1, 2))
    (campaign,) = sandbox.org.records("Campaign")
    sandbox.org.delete("Campaign", campaign["Id"])
    with pytest.raises(DestinationRefused, match="was deleted in Salesforce"):
        there.sync(*wants(1, 2, 3))
    assert len(sandbox.org.records("Campaign")) == 1


def test_several_campaigns_of_one_name_are_told(there, sandbox):
    for number in (1, 2):
        sandbox.org.put("Campaign", f"70100000000000{number}AAA", Name="madang_vips")
    with pytest.raises(DestinationRefused, match="2 campaigns"):
        there.sync(*wants(1))


@pytest.mark.parametrize("key", ["make", "query", "insert", "token"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("drop_after", {}),
        ("drop_before", {}),
        ("status", {"status": 503}),
        ("rate_limit", {"seconds": 0.05}),
        ("expire", {}),
    ],
)
def test_passing_trouble_costs_and_doubles_nobody(there, sandbox, key, kind, options):
    sandbox.faults.add(kind, keys=(key,), **options)
    if kind == "status" and key == "make":  # whether it was made is unknown: looked for, then made
        sandbox.faults.add("drop_after", keys=("make",), after=1)
    assert there.sync(*wants(*range(17))).status == "succeeded"
    assert len(members(sandbox)) == 17
    assert len(sandbox.org.records("Campaign")) == 1
    assert len(sandbox.org.records("CampaignMemberStatus")) == 2


def test_a_locked_record_is_tried_again_and_one_that_stays_locked_by_the_next_plan(there, sandbox):
    sandbox.faults.add("row_lock", keys=("insert",), rows=(contact(1),))
    sandbox.faults.add("request_lock", keys=("insert",))  # all of it; the body is a list
    assert there.sync(*wants(1, 2)).status == "succeeded"
    sandbox.faults.add("row_lock", times=None, keys=("delete",), rows=(contact(1),))
    assert there.sync(*wants(2)).rejected == 1
    sandbox.faults.clear()
    assert there.apply().status == "already_applied"
    assert there.sync(*wants(2)).status == "succeeded"
    assert set(members(sandbox)) == {contact(2)}


def test_a_login_that_is_refused_before_a_locked_member_goes_again_keeps_what_left(there, sandbox):
    there.sync(*wants(1, 2, 3))
    sandbox.faults.add("row_lock", keys=("delete",), rows=(contact(1),))
    sandbox.faults.add("status", keys=("delete",), status=403, after=1)
    result = there.sync(*wants(3))
    assert (result.status, result.accepted, result.rejected) == ("partial", 1, 1)
    assert set(members(sandbox)) == {contact(1), contact(3)}
    sandbox.faults.clear()
    assert there.sync(*wants(3)).accepted == 1
    assert set(members(sandbox)) == {contact(3)}


def test_who_is_two_members_has_left_when_the_second_is_gone(there, sandbox):
    there.sync(*wants(1, 11, 3))
    sandbox.org.put("Lead", lead(11), No__c="C0001")
    sandbox.faults.add("row_lock", keys=("delete",), rows=(lead(11),))
    sandbox.faults.add("status", keys=("delete",), status=403, after=1)
    result = there.sync(*wants(3))
    assert (result.accepted, result.rejected) == (1, 1), "C0011 means nobody now"
    assert set(members(sandbox)) == {lead(11), contact(3)}
    sandbox.faults.clear()
    assert there.sync(*wants(3)).accepted == 1
    assert set(members(sandbox)) == {contact(3)}


def test_calls_that_are_used_up_end_the_run_and_the_next_goes_on(there, sandbox):
    sandbox.faults.add("limit", keys=("insert",))
    there.want(*wants(*range(12)))
    there.plan()
    with pytest.raises(DestinationDown, match="no calls left"):
        there.apply()
    assert there.apply().status == "succeeded"
    assert len(members(sandbox)) == 12


APPLY = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[4]]
from test_sync_campaigns import There
there = There.__new__(There)
from madang.settings.workspace import load_settings
from madang.sync.destinations.salesforce.destination import SalesforceTarget
from test_sync_campaigns import ENVIRON
there.root, there.environ = Path(sys.argv[2]), ENVIRON
read = load_settings(there.root / "madang.yml")
there.settings = read.model_copy(update={"destinations": {"salesforce": SalesforceTarget()}})
there.at(sys.argv[3])
there.apply()
"""


def test_killed_at_every_request_it_loses_and_doubles_nobody(there, sandbox, tmp_path):
    wanted = [row for number in range(17) for row in wants(number)]
    there.want(*wanted, *((key, "others", "true") for key, _, _ in wanted[:9]))
    there.plan()
    sandbox.faults.add("slow", times=None, seconds=0.05)
    here = str(__file__).rpartition("/")[0]
    command = [sys.executable, "-c", APPLY, str(SUPPORT), str(tmp_path), sandbox.url, here]
    for requests in (2, 4, 6, 7):
        begun = len(sandbox.log())
        process = subprocess.Popen(command)
        while len(sandbox.log()) - begun < requests and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        process.wait()
        time.sleep(0.1)  # what was in flight may still arrive
    sandbox.faults.clear()
    there.apply()
    found = [one for one in sandbox.org.records("CampaignMember") if not one["IsDeleted"]]
    pairs = [(one["CampaignId"], one.get("ContactId") or one["LeadId"]) for one in found]
    assert len(pairs) == len(set(pairs)) == 17 + 9
    assert len(sandbox.org.records("Campaign")) == 2
    assert there.plan().is_empty


def test_an_erasure_takes_the_person_out_of_the_campaign(there, sandbox, monkeypatch):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    there.sync(*wants(1, 2))
    with there.warehouse() as warehouse:
        listed = memberships(there.settings, warehouse, Known("p", numbers=["C0001"]))
    deletions.queue(there.settings, "e1", ["salesforce"], listed["salesforce"])
    (done,) = deletions.send(there.settings)
    assert (done.status, done.keys) == ("deleted", 1)
    assert set(members(sandbox)) == {contact(2)}
    assert keeping(there.settings) == {}


def test_an_erasure_empties_the_fields_that_were_sent(tmp_path, sandbox, monkeypatch):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    there = There(tmp_path, sandbox, more=", leaving: false", name="contact")
    there.sync(("C0001", "Vip__c", "true"), ("C0002", "Vip__c", "true"))
    with there.warehouse() as warehouse:
        listed = memberships(there.settings, warehouse, Known("p", numbers=["C0001"]))
    deletions.queue(there.settings, "e1", ["salesforce"], listed["salesforce"])
    assert [one.status for one in deletions.send(there.settings)] == ["deleted"]
    ticked = {one["No__c"] for one in sandbox.org.records("Contact") if one.get("Vip__c")}
    assert ticked == {"C0002"}
    assert keeping(there.settings) == {"salesforce": {"records"}}


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda org: None, None),
        (lambda org: org.rights.update(CampaignMember={"deletable": False}), "deletable"),
        (lambda org: org.fields["Lead"].pop("No__c"), "Lead has no field No__c"),
        (lambda org: org.fields["Contact"].update(No__c="string"), "no external id"),
        (lambda org: org.not_unique.add("No__c"), "two records"),
    ],
)
def test_the_doctor_asks_what_the_sync_needs(there, sandbox, monkeypatch, spoil, word):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    spoil(sandbox.org)
    looks = {one.name: one for one in doctor_destinations.ask(there.settings)}
    assert looks["salesforce login and version"].status == "ok"
    assert "100,000" in looks["salesforce calls of 24 hours"].detail
    found = looks["salesforce one_sync"]
    if word is None:
        assert found.status == "ok"
    else:
        assert found.status == "problem" and word in found.detail
    monkeypatch.setenv("MADANG_SALESFORCE_CLIENT_SECRET", "wrong")
    (wrong,) = doctor_destinations.ask(there.settings)
    assert (wrong.status, wrong.name) == ("problem", "destination salesforce")
