"""Who is who over all sources at once: files are loaded and built, and a chain grows.

A browser logs in, its customer ordered under an address, a lead came with that address, became a
contact, and the contact's telephone asked something. In the second build only the lead changed.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo_workspace import AS_OF, MARU, Ended, Tables, madang, tables_of
from export_files import write
from raw_events import DAY, event

LEAD, CONTACT, COMPANY = "00Q5g00000ABCDEEA5", "0035g00000ABCDEAA5", "0015g00000ABCDEAA5"
COLLEAGUE, PERSON_ACCOUNT = "0035g00000ABCDFAA5", "0015g00000ABCDFAA5"
SHADOW, DOUBLE = "0035g00000ABCDGAA5", "0035g00000ABCDHAA5"
MOMENT = "2026-10-20T10:00:00+09:00"
LEADS = "Id Name Email IsConverted ConvertedContactId ConvertedDate CreatedDate SystemModstamp "
LEADS += "IsDeleted"
CONTACTS = "Id Name AccountId MobilePhone Email MasterRecordId CreatedDate SystemModstamp IsDeleted"
ORDERS = "order_id customer_no email phone name status ordered_at updated_at amount currency"
INQUIRIES = "inquiry_id received_at channel customer_no phone email status"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


#: What a partner sends who hashes as Google does: dots and tag are out of the address.
BY_GOOGLE = sha256("minakim@gmail.com")


@dataclass
class Company:
    root: Path
    told: dict[str, Ended] = field(default_factory=dict)
    persons: dict[str, dict[tuple[str, str], str]] = field(default_factory=dict)

    def put(self, name: str, header: str, *rows: list[str]) -> None:
        path = self.root / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header.split(), *rows])

    def build(self, name: str) -> None:
        for step in ("load", "build"):
            ended = madang(self.root, step, COLUMNS="200")
            assert ended.code in (0, 3), ended.told  # 3: one of few persons merged is a jump
        with tables_of(self.root) as tables:
            self.persons[name] = persons(tables)


def persons(tables: Tables) -> dict[tuple[str, str], str]:
    return {
        (kind, value): person
        for kind, value, person in tables.rows("""
            select identifier_type, identifier_value, person_id
            from madang_identity.person_identifiers""")
    }


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    root = tmp_path_factory.mktemp("sources")
    text = f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n"
    (root / "madang.yml").write_text(text, encoding="utf-8")
    write([event("page_view"), event("login", 5, user_id="C1")], root / f"ga4/events_{DAY}.parquet")
    one = Company(root)
    mail, name = "Mina.Kim+news@gmail.com", "김민아"
    one.put(
        "shop/orders_1.csv", ORDERS, ["O1", "C1", mail, "", name, "paid", MOMENT, MOMENT, "1", ""]
    )
    lead = [LEAD, name, mail.lower(), "false", "", "", MOMENT]
    one.put("salesforce/leads_1.csv", LEADS, [*lead, MOMENT, "false"])
    there = [MOMENT, MOMENT, "false"]
    one.put(
        "salesforce/contacts_1.csv",
        CONTACTS,
        [CONTACT, name, COMPANY, "010-2345-6781", "", "", *there],
        [COLLEAGUE, "박하나", COMPANY, "", "hana@work.example", "", *there],
        [SHADOW, "이두리", PERSON_ACCOUNT, "", "duri@mail.example", "", *there],
        [DOUBLE, "이둘이", "", "010-2345-6782", "", SHADOW, MOMENT, MOMENT, "true"],
    )
    one.put(
        "salesforce/accounts_1.csv",
        "Id Name IsPersonAccount CustomerNumber__c CreatedDate SystemModstamp IsDeleted",
        [COMPANY, "회사", "false", "", *there],
        [PERSON_ACCOUNT, "이두리", "true", "C7", *there],
    )
    one.put(
        "inquiries/inquiries_1.csv",
        INQUIRIES,
        ["Q1", MOMENT, "phone", "", "+82 10 2345 6781", "", "open"],
        ["Q2", MOMENT, "web", "", "", BY_GOOGLE.upper(), "open"],
        ["Q3", MOMENT, "web", "", "", "nobody@else.example", "open"],
    )
    one.build("before")
    lead[3:6] = ["true", CONTACT, "2026-10-25"]
    one.put("salesforce/leads_2.csv", LEADS, [*lead, "2026-10-25T10:00:00+09:00", "false"])
    one.build("after")
    one.told["person"] = madang(root, "explain", "person", LEAD, COLUMNS="200")
    one.told["short"] = madang(root, "explain", "person", LEAD[:15], COLUMNS="200")
    one.told["hash"] = madang(root, "explain", "person", BY_GOOGLE.upper(), COLUMNS="200")
    one.told["pair"] = madang(root, "explain", "pair", "C1", CONTACT, COLUMNS="200")
    yield one


def test_a_lead_with_a_known_address_is_that_customer(company: Company) -> None:
    known = company.persons["before"]
    mail = sha256("mina.kim+news@gmail.com")
    chain = [("user_id", "C1"), ("crm_id", "C1"), ("email", mail), ("salesforce_id", LEAD)]
    assert len({known[one] for one in chain}) == 1
    assert known["salesforce_id", CONTACT] != known["crm_id", "C1"]


def test_a_hash_by_another_normalisation_joins_the_address(company: Company) -> None:
    known = company.persons["before"]
    assert known["email", BY_GOOGLE] == known["crm_id", "C1"]


def test_unknown_addresses_become_persons(company: Company) -> None:
    known = company.persons["before"]
    alone = known["email", sha256("nobody@else.example")]
    assert list(known.values()).count(alone) == 1
    phone = known["phone", sha256("+821023456781")]
    assert phone == known["salesforce_id", CONTACT]


def test_a_company_joins_nobody_and_a_person_account_is_its_contact(company: Company) -> None:
    known = company.persons["after"]
    assert ("salesforce_id", COMPANY) not in known
    assert known["salesforce_id", COLLEAGUE] != known["salesforce_id", CONTACT]
    one = known["salesforce_id", PERSON_ACCOUNT]
    assert one == known["salesforce_id", SHADOW] == known["crm_id", "C7"]
    assert one == known["email", sha256("duri@mail.example")]


def test_a_contact_that_was_merged_is_the_one_it_was_merged_into(company: Company) -> None:
    known = company.persons["after"]
    assert known["salesforce_id", DOUBLE] == known["salesforce_id", SHADOW]
    assert known["phone", sha256("+821023456782")] == known["crm_id", "C7"]


def test_a_converted_lead_is_its_contact_and_the_older_id_stays(company: Company) -> None:
    before, after = company.persons["before"], company.persons["after"]
    person = after["crm_id", "C1"]
    assert person == before["crm_id", "C1"]
    assert person == after["salesforce_id", CONTACT] == after["phone", sha256("+821023456781")]
    with tables_of(company.root) as tables:
        merged = (
            "select former_person_id, person_id, kind, rule from madang_history.identity_merges"
        )
        former = before["salesforce_id", CONTACT]
        assert tables.rows(merged) == [(former, person, "merged", "became it")]
        done = tables.rows(f"""
            select source, action from madang_activity.activities
            where person_id = '{person}' order by all""")
    assert [source for source, _ in done].count("inquiry") == 2
    assert ("salesforce", "lead_converted") in done
    assert ("ga4", "logged_in") in done


def test_the_new_identifiers_are_explained(company: Company) -> None:
    told = company.told["person"].out
    assert company.told["person"].code == 0, company.told["person"].told
    assert "salesforce_id" in told and "became it" in told and "its hash" in told
    assert LEAD not in told and CONTACT not in told
    for other in ("short", "hash"):
        assert company.told[other].out == told
    pair = company.told["pair"].out
    assert "are one person" in pair and "Salesforce id" in pair
