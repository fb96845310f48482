"""After an erasure nothing of a person is found, in any cell and any byte of the workspace.

Somebody is put into every kind of source, also into rows that hold no address of theirs: the case
of a contact of Salesforce, the later state of an inquiry, the outcome of an application.
"""

import csv
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

import traces
from demo_workspace import AS_OF, MARU, Company, Ended, Tables, madang, tables_of
from madang.ingest.calls.ids import RequestIds
from madang.ingest.calls.inbox import Received, listed, open_inbox
from madang.sandbox.braze import BrazeSandbox
from madang.settings.workspace import load_settings

KEY = "key-of-the-traces"
REASON = "request 2026-118"
MOMENT = "2026-10-30T10:00:00+09:00"
SECRET = "제갈흔적없이"
FILES = {
    "shop/orders_traces.csv": """
        order_id,customer_no,email,phone,name,status,ordered_at,amount,currency
        TR-ORDER-1,{number},{email},{phone},{name},paid,{moment},1000,KRW
        TR-ORDER-2,,{email},,{name},paid,{moment},1000,KRW
        TR-ORDER-3,{other},,{phone},,paid,{moment},1000,KRW
        TR-ORDER-4,{number},,,,paid,{moment},a lot,KRW
        TR-ORDER-5,{number},tr.unreadable.example,,,paid,{moment},1000,KRW""",
    "consent/consent_traces.csv": """
        consent_id,customer_no,email,phone,channel,purpose,status,occurred_at
        TR-CONSENT-1,,{hashed},,email,marketing,granted,{moment}""",
    "inquiries/traces.csv": """
        inquiry_id,received_at,updated_at,channel,customer_no,email,status,order_id,content
        TR-INQUIRY-1,{moment},{moment},email,{number},{email},open,,{secret} asks
        TR-INQUIRY-1,{moment},2026-10-31T10:00:00+09:00,email,,,closed,,
        TR-INQUIRY-2,{moment},{moment},email,,,open,TR-ORDER-2,where is it
        TR-INQUIRY-3,{moment},{moment},email,,somebody.else@post.example,open,TR-ORDER-2,a gift""",
    "offline/traces.csv": """
        outcome_id,product,application_id,customer_no,phone,status,occurred_at
        TR-OUTCOME-1,test_drive,TR-APPLICATION-1,,{phone},scheduled,{moment}
        TR-OUTCOME-1,test_drive,,,,visited,{moment}
        TR-OUTCOME-2,test_drive,TR-APPLICATION-1,,,scheduled,{moment}
        TR-REUSED,charger,,,{phone},scheduled,{moment}
        TR-REUSED,charger,,,01000009999,scheduled,{moment}
        TR-REUSED,charger,,,01000009999,installed,{moment}""",
    "salesforce/contacts_traces.csv": """
        Id,AccountId,IndividualId,Name,Email,Customer_No__c,CreatedDate,SystemModstamp,IsDeleted
        TR-CONTACT-1,TR-COMPANY,TR-INDIVIDUAL,{name},tr.private@post.example,{number},{moment},{moment},false
        TR-CONTACT-2,TR-COMPANY,,Someone Else,tr.colleague@post.example,,{moment},{moment},false
        TR-CONTACT-3,TR-PERSONAL,,{name},{email},,{moment},{moment},false""",
    "salesforce/accounts_traces.csv": """
        Id,Name,IsPersonAccount,CreatedDate,SystemModstamp,IsDeleted
        TR-COMPANY,Traces Ltd,false,{moment},{moment},false
        TR-PERSONAL,{name},true,{moment},{moment},false""",
    "salesforce/leads_traces.csv": """
        Id,Name,MobilePhone,ConvertedContactId,CreatedDate,SystemModstamp,IsDeleted
        TR-LEAD-1,{name},,TR-CONTACT-1,{moment},{moment},false
        TR-LEAD-2,,{phone},,{moment},{moment},false""",
    "salesforce/individuals_traces.csv": """
        Id,ShouldForget,CreatedDate,SystemModstamp,IsDeleted
        TR-INDIVIDUAL,true,{moment},{moment},false""",
    "salesforce/cases_traces.csv": """
        Id,AccountId,ContactId,Origin,Status,CreatedDate,SystemModstamp,IsDeleted
        TR-CASE-1,,TR-CONTACT-1,Phone,New,{moment},{moment},false
        TR-CASE-2,TR-COMPANY,TR-CONTACT-2,Phone,New,{moment},{moment},false""",
    "salesforce/opportunities_traces.csv": """
        Id,AccountId,ContactId,Name,StageName,CreatedDate,SystemModstamp,IsDeleted
        TR-OPPORTUNITY-1,TR-PERSONAL,,{secret} and a car,New,{moment},{moment},false
        TR-OPPORTUNITY-2,TR-COMPANY,,Ten cars,New,{moment},{moment},false""",
    "salesforce/campaignmember_traces.csv": """
        Id,CampaignId,ContactId,LeadId,CreatedDate,SystemModstamp,IsDeleted
        TR-MEMBER-1,TR-CAMPAIGN,,TR-LEAD-2,{moment},{moment},false""",
}
#: Known by nothing but what they refer to, or by an address that identity does not know.
THEIRS = {
    *(f"TR-ORDER-{n}" for n in (1, 2, 4, 5)),
    *("TR-CONSENT-1", "TR-INQUIRY-1", "TR-INQUIRY-2", "TR-OUTCOME-1", "TR-OUTCOME-2"),
    *("TR-APPLICATION-1", "TR-CONTACT-1", "TR-CONTACT-3", "TR-INDIVIDUAL", "TR-PERSONAL"),
    *("TR-LEAD-1", "TR-LEAD-2", "TR-CASE-1", "TR-OPPORTUNITY-1", "TR-MEMBER-1"),
    *("TR-WAITING-1", "tr.private@post.example", "tr.unreadable.example", SECRET),
}
OTHERS = {
    *("TR-ORDER-3", "TR-INQUIRY-3", "TR-CONTACT-2", "TR-COMPANY", "TR-CASE-2", "TR-OPPORTUNITY-2"),
    *("TR-REUSED", "+821000009999"),
}


@dataclass
class Story:
    root: Path
    number: str
    email: str
    phone: str
    devices: list[str]
    person_id: str
    name: str
    told: dict[str, Ended] = field(default_factory=dict)
    cells: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    files: dict[str, dict[str, set[str]]] = field(default_factory=dict)

    @property
    def plain(self) -> set[str]:
        local = f"0{self.phone[3:]}"
        written = f"{local[:-8]}-{local[-8:-4]}-{local[-4:]}"
        named = {self.number, self.email, self.phone, local, written, self.person_id}
        return {*named, *self.devices, *THEIRS}

    @property
    def hashes(self) -> set[str]:
        return {sha256(one.encode()).hexdigest() for one in (self.email, self.phone)}

    def run(self, step: str, *arguments: str) -> Ended:
        self.told[step] = madang(self.root, *arguments, STORY_KEY=KEY, COLUMNS="200")
        return self.told[step]

    def look(self, step: str) -> None:
        needles = self.plain | self.hashes
        self.cells[step] = traces.in_warehouse(self.root / "warehouse.duckdb", needles)
        # tombstones are hashes, and so is the only copy of the decision that names the person
        self.files[step] = traces.in_files(self.root, self.plain)

    @property
    def certificate(self) -> dict:
        (path,) = (self.root / "erasures").glob("*.json")
        return json.loads(path.read_text(encoding="utf-8"))


def chosen(tables: Tables) -> list[tuple]:
    """Somebody with a device of their own, and somebody else."""
    return tables.rows("""
        select customer_no, any_value(email), any_value(phone),
            list(distinct device_id order by device_id), any_value(person_id),
            any_value(name)
        from madang_marts.customers inner join madang_private.contacts using (person_id)
        inner join madang_staging.ga4_logins on customer_no = user_id
        where is_in_crm and crm_ids = 1 and device_id in (
            select device_id from madang_staging.ga4_logins
            group by device_id having count(distinct user_id) = 1)
        and person_id in (
            select person_id from madang_identity.person_identifiers
            where identifier_type in ('email', 'phone')
            group by person_id having count(distinct identifier_type) = 2)
        group by customer_no order by customer_no limit 2""")


def received(root: Path, told: Story) -> None:
    """A partner's call that waits, and one that was answered before."""
    columns = ("outcome_id", "product", "status", "occurred_at", "phone")
    ids = RequestIds()
    with closing(open_inbox(load_settings(root).paths.received)) as inbox:
        for key, items in (
            (f"order-of-{told.number}", ()),
            ("other", (("TR-WAITING-1", "test_drive", "scheduled", MOMENT, told.phone),)),
        ):
            number = ids.next()
            inbox.keep(
                [
                    Received(
                        request_id=number,
                        partner="install-co",
                        kind="outcomes",
                        idempotency_key=key,
                        body_sha256=key,
                        source="offline.outcomes",
                        columns=listed(columns),
                        received_at=datetime.now(UTC).isoformat(),
                        status=202,
                        answer=f"taken: {told.email}",
                        items=tuple(enumerate(items, start=1)) or ((1, ("O-X",) + (None,) * 4),),
                    )
                ]
            )


def litter(root: Path, told: Story) -> None:
    """What earlier runs may have left behind."""
    (root / "logs" / "error-1.log").write_text(f"boom\nvalue {told.email}\nend\n")
    with (root / "rejects" / "list__1__gone.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["customer_no"], [told.number], ["C999999"]])
    plan = root / "plans" / "an-earlier-one" / "rows.parquet"
    plan.parent.mkdir(parents=True)
    duckdb.sql(f"select '{told.number}' as sync_key").write_parquet(str(plan))
    (root / "site").mkdir(exist_ok=True)
    (root / "site" / "old.html").write_text(f"<p>{told.person_id}</p>")


@pytest.fixture(scope="module")
def story(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    root = tmp_path_factory.mktemp("traces") / "company"
    shutil.copytree(company.root, root, ignore=shutil.ignore_patterns("site", "*.lock"))
    with tables_of(root) as tables:
        person, other = chosen(tables)
        family = tables.value("""
            select min(customer_no) from madang_marts.customers
            inner join madang_private.contacts using (person_id)
            inner join madang_identity.identifiers
                on identifier_value = sha256(phone) and quarantine_reason = 'several names'
            where is_in_crm""")
    told = Story(root, *person)
    number, email, phone = told.number, told.email, told.phone
    hashed = sha256(email.encode()).hexdigest()
    values = {"number": number, "email": email, "phone": phone, "hashed": hashed}
    values |= {"name": told.name, "secret": SECRET}
    for name, text in FILES.items():
        lines = text.format(**values, other=other[0], moment=MOMENT).strip().splitlines()
        path = root / "inbox" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(line.strip() for line in lines) + "\n", encoding="utf-8")
    with BrazeSandbox(0, KEY, root / "sandbox.sqlite") as braze:
        settings = f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n"
        settings += "load: {max_reject_share: 1}\n"
        settings += f"destinations: {{braze: {{url: {braze.url}, key_env: STORY_KEY}}}}\n"
        (root / "madang.yml").write_text(settings, encoding="utf-8")
        for step in ("load", "build", "plan"):
            told.run(step, step)
        received(root, told)
        litter(root, told)
        told.look("before")
        told.run("dry", "erase", number, "--reason", REASON, "--dry-run")
        told.run("family", "erase", family, "--reason", REASON, "--dry-run")
        told.run("shared", "erase", family, "--reason", REASON, "--dry-run", "--shared")
        told.run("erase", "erase", number, "--reason", REASON)
        told.look("after")
        told.run("late", "load")
        told.run("anew", "build")
        told.look("anew")
        yield told


def test_the_search_itself_finds_the_person(story: Story) -> None:
    assert story.told["load"].code in (0, 3), story.told["load"].told
    assert story.told["build"].code in (0, 3), story.told["build"].told
    tables = {name.rpartition(".")[0] for name in story.cells["before"]}
    for table in ("raw.shop_orders", "raw.salesforce_cases", "marts.customers", "raw.inquiries"):
        assert f"madang_{table}" in tables
    found = set().union(*story.cells["before"].values())
    assert THEIRS - found <= {
        "TR-ORDER-4",
        "TR-ORDER-5",
        "TR-WAITING-1",
        "tr.unreadable.example",
    }
    names = {Path(name).parts[0] for name in story.files["before"]}
    assert {"warehouse.duckdb", "rejects", "logs", "site", "received.sqlite", "plans"} <= names


def test_no_cell_holds_anything_of_the_person(story: Story) -> None:
    assert story.told["erase"].code in (0, 3), story.told["erase"].told
    assert story.cells["after"] == {}


def test_no_byte_of_the_workspace_holds_anything_of_the_person(story: Story) -> None:
    """Freed blocks of DuckDB and SQLite, write-ahead logs, rejects, logs, pages, plans."""
    assert story.files["after"] == {}


def test_other_people_keep_theirs(story: Story) -> None:
    found = traces.in_warehouse(story.root / "warehouse.duckdb", OTHERS)
    assert set().union(*found.values()) == OTHERS
    gone = (story.root / "rejects" / "list__1__gone.csv").read_text(encoding="utf-8-sig")
    assert gone.split() == ["customer_no", "C999999"]
    assert (story.root / "logs" / "error-1.log").read_text() == "boom\nend\n"


def test_the_certificate_names_the_files_that_still_hold_the_person(story: Story) -> None:
    named = set(story.certificate["your_files"])
    assert {f"inbox/{name}" for name in FILES} - named == {
        "inbox/salesforce/individuals_traces.csv"
    } - named
    assert any(name.startswith("ga4/events_") for name in named)
    assert any(name.startswith("inbox/crm/") for name in named)
    told = (story.root / "erasures").glob("*.json")
    assert not traces.in_files(story.root / "erasures", story.plain | story.hashes), list(told)


def test_what_the_files_still_hold_does_not_come_back(story: Story) -> None:
    assert story.told["late"].code in (0, 3), story.told["late"].told
    assert story.told["anew"].code in (0, 3), story.told["anew"].told
    assert story.cells["anew"] == {}


def test_a_dry_run_names_records_destinations_and_files(story: Story) -> None:
    told = story.told["dry"]
    assert told.code == 0, told.told
    assert "raw.salesforce_cases: 1 rows" in told.out
    assert "braze: 1 keys to delete" in told.out
    assert "inbox/shop/orders_traces.csv" in told.out
    for value in (story.number, story.email, *THEIRS):
        assert value not in told.out


def test_addresses_that_others_have_too_stay_unless_they_are_said_to_go(story: Story) -> None:
    assert story.told["family"].code == story.told["shared"].code == 0, story.told["shared"].told
    assert "1 addresses of theirs are in quarantine" in story.told["family"].out
    assert "quarantine" not in story.told["shared"].out
    assert " 0 telephones" in story.told["family"].out
    assert " 1 telephones" in story.told["shared"].out
