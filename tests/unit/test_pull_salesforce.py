"""What a pull lands: the same as a file would, everything that changed, nothing twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo_workspace import REPOSITORY
from ingest_workspace import csv_bytes, put
from madang import ingest
from madang.errors import ConfigError, UsageError
from madang.ingest import Acceptance
from madang.ingest.sources import read_sources
from madang.pull import ObjectFailed
from madang.pull.objects import Chosen, Field
from madang.pull.queries import count_rows, csv_rows, soql
from madang.pull.salesforce import pull
from madang.sandbox.org import Org
from madang.warehouse import open_warehouse
from salesforce_org import LONG_AGO, QUICK, Company, company, id_of, minutes_ago

BULK = {"bulk_from_rows": 1, "page_rows": 7}


@pytest.fixture
def maru(tmp_path: Path) -> Iterator[Company]:
    with company(tmp_path / "pulled") as found:
        yield found


def bookmark(maru: Company) -> datetime:
    with open_warehouse(maru.settings()) as warehouse:
        rows = warehouse.fetch(
            f"select max(bookmark) as at from {warehouse.relation('raw', '_pulls')} "
            "where event = 'done'"
        )
    return rows[0]["at"].replace(tzinfo=UTC)


# a value of each type of field, as the API gives it and as a file of Data Loader writes it
VALUES = {
    "string": ('김마루 "마루", 과장\n2팀', '김마루 "마루", 과장\n2팀'),
    "picklist": ("Web", "Web"),
    "reference": ("0015g0000000001AAA", "0015g0000000001AAA"),
    "email": ("a@maru.example", "a@maru.example"),
    "phone": ("+82 10 1234 5678", "+82 10 1234 5678"),
    "boolean": (True, "true"),
    "date": ("2026-10-02", "2026-10-02"),
    "datetime": (LONG_AGO, "2026-10-01T09:00:00.000Z"),
    "currency": (12_000_000.5, "12000000.5"),
}


@pytest.mark.parametrize("keys", [{}, BULK], ids=["REST", "Bulk"])
def test_what_is_pulled_equals_what_a_file_loads(maru: Company, tmp_path: Path, keys: dict) -> None:
    org = maru.sandbox.org
    with company(tmp_path / "loaded") as other:
        settings = other.settings()
        for name, types in org.fields.items():
            values = {field: VALUES[kind] for field, kind in types.items() if kind != "id"}
            if "Customer_No__c" in values:
                values["Customer_No__c"] = ("C000123", "C000123")
            for number in range(20):
                org.put(name, id_of(name, number), **{k: v[0] for k, v in values.items()})
            rows = [["Id", *values]]
            rows += [[id_of(name, n), *(v[1] for v in values.values())] for n in range(20)]
            put(settings.paths.inbox / f"salesforce/{name}.csv", csv_bytes(rows))
        report = maru.pull(keys=keys)
        assert report.exit_code == 0, [(one.reason, one.notes) for one in report.objects]
        with open_warehouse(settings) as warehouse:
            assert ingest.load(settings, warehouse).exit_code == 0
        for one in report.objects:
            table = f"salesforce_{one.source.split('.')[1]}"
            pulled, loaded = maru.landed(table), other.landed(table)
            assert len(pulled) == 20 and list(pulled[0]) == list(loaded[0])
            assert [content(row) for row in pulled] == [content(row) for row in loaded]


def content(row: dict) -> dict:
    return {name: value for name, value in row.items() if not name.startswith("_")}


@pytest.mark.parametrize("keys", [{}, BULK], ids=["REST", "Bulk"])
def test_only_what_changed_lands_again(maru: Company, keys: dict) -> None:
    maru.people(30)
    first = maru.pull_one("Contact", keys)
    assert (first.status, first.asked_from, first.loaded) == ("pulled", None, 30)
    assert maru.pull_one("Contact", keys).status == "nothing new"
    maru.sandbox.org.put("Contact", id_of("Contact", 3), Email="new@maru.example")
    maru.sandbox.org.put("Contact", id_of("Contact", 99), Name="이새로")
    third = maru.pull_one("Contact", keys)
    assert (third.rows, third.loaded) == (2, 2)
    assert maru.pull_one("Contact", keys).loaded == 0
    rows = maru.landed("salesforce_contacts")
    assert len(rows) == 32
    assert [row["email"] for row in rows if row["id"] == id_of("Contact", 3)] == [
        "p3@maru.example",
        "new@maru.example",
    ]


def test_rows_bear_where_they_came_from(maru: Company) -> None:
    maru.people(9)
    maru.pull_one("Contact", BULK)
    rows = maru.landed("salesforce_contacts")
    files = sorted({row["_file"] for row in rows})
    assert [name.split("-")[-1] for name in files] == ["0001.csv", "0002.csv"]
    assert all(name.startswith("pulled-contact-2") for name in files)
    assert all(len(row["_sha256"]) == 64 and row["_row"] > 1 and row["_loaded_at"] for row in rows)
    with open_warehouse(maru.settings()) as warehouse:
        ledger = warehouse.fetch(
            f"select file, loaded from {warehouse.relation('raw', '_files')} order by file"
        )
    assert [(one["file"], one["loaded"]) for one in ledger] == list(zip(files, (7, 2), strict=True))


def test_a_change_that_was_committed_late_is_found(maru: Company) -> None:
    maru.people(1)
    maru.pull_one("Contact")
    maru.sandbox.org.put(
        "Contact", id_of("Contact", 7), Name="늦은", SystemModstamp=minutes_ago(50)
    )
    assert maru.pull_one("Contact").loaded == 1


def test_without_an_overlap_it_would_be_lost(maru: Company) -> None:
    keys = {"overlap_minutes": 0}
    maru.people(1)
    maru.pull_one("Contact", keys)
    maru.sandbox.org.put(
        "Contact", id_of("Contact", 7), Name="늦은", SystemModstamp=minutes_ago(50)
    )
    assert maru.pull_one("Contact", keys).loaded == 0


def test_two_changes_in_one_second_both_land(maru: Company) -> None:
    at = minutes_ago(1)
    maru.sandbox.org.put("Contact", id_of("Contact", 1), Name="하나", SystemModstamp=at)
    maru.pull_one("Contact")
    maru.sandbox.org.put("Contact", id_of("Contact", 1), Name="둘", SystemModstamp=at)
    assert maru.pull_one("Contact").loaded == 1
    assert {row["name"] for row in maru.landed("salesforce_contacts")} == {"하나", "둘"}


@pytest.mark.parametrize("keys", [{}, BULK], ids=["REST", "Bulk"])
def test_deleted_and_merged_records_come(maru: Company, keys: dict) -> None:
    maru.people(3)
    maru.pull_one("Contact", keys)
    maru.sandbox.org.delete("Contact", id_of("Contact", 0))
    maru.sandbox.org.merge("Contact", id_of("Contact", 1), id_of("Contact", 2))
    maru.pull_one("Contact", keys)
    last = {row["id"]: row for row in maru.landed("salesforce_contacts")}
    told = [(last[id_of("Contact", n)]["is_deleted"]) for n in range(3)]
    assert told == ["true", "false", "true"]
    assert last[id_of("Contact", 2)]["master_record_id"] == id_of("Contact", 1)


def test_the_bookmark_is_the_servers_clock_and_moves_after_the_rows(maru: Company) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    maru.people(20)
    maru.pull_one("Contact")
    first = bookmark(maru)
    assert before <= first <= datetime.now(UTC)
    maru.sandbox.org.put("Contact", id_of("Contact", 1), Name="새")
    maru.sandbox.faults.add("job_failed", keys=("job",))
    told = maru.pull_one("Contact", {"bulk_from_rows": 0})
    assert (told.status, told.loaded) == ("failed", 0)
    assert "InternalServerError" in (told.reason or "")
    assert bookmark(maru) == first
    assert maru.pull_one("Contact").loaded == 1


def test_fields_are_those_that_the_org_has(tmp_path: Path) -> None:
    fields = {
        "Contact": {"Id": "id", "Name": "string", "Kunde_Nr__c": "string", "Shop__c": "string"},
    }
    with company(tmp_path / "own", org=Org(fields)) as maru:
        maru.sandbox.org.put("Contact", id_of("Contact", 1), Name="김", Kunde_Nr__c="C1")
        told = maru.pull_one("Contact", {"fields": "{Contact: {customer_no: kunde_nr__c}}"})
        (row,) = maru.landed("salesforce_contacts")
        assert (row["customer_no"], row["email"]) == ("C1", None)
        assert any("email" in note and "customer_no" not in note for note in told.notes)
        (other,) = maru.pull("Lead").objects
        assert (other.status, other.method) == ("missing", None)
        wrong = maru.pull_one("Contact", {"fields": "{Contact: {customer_nr: Kunde_Nr__c}}"})
        assert "Did you mean 'customer_no'?" in (wrong.reason or "")


def test_a_field_that_is_mapped_later_fills_old_records_with_full(tmp_path: Path) -> None:
    with company(tmp_path / "later") as maru:
        maru.people(5, Customer_No__c="C1", Phone="010-1234-5678")
        maru.pull_one("Contact", {"fields": "{Contact: {customer_no: LeadSource}}"})
        told = maru.pull_one("Contact")
        assert told.loaded == 0 and any("--full" in note for note in told.notes)
        assert maru.pull_one("Contact", full=True).loaded == 5
        assert maru.landed("salesforce_contacts")[-1]["customer_no"] == "C1"


def test_since_never_leaves_a_gap(maru: Company) -> None:
    maru.people(3)
    assert maru.pull_one("Contact", since=LONG_AGO + timedelta(days=1)).rows == 0
    later = maru.pull_one("Contact", since=datetime.now(UTC) + timedelta(days=1))
    assert later.asked_from is not None and later.asked_from < bookmark(maru)
    assert maru.pull_one("Contact", since=LONG_AGO).loaded == 3


def test_rows_that_cannot_be_read_are_handed_back_and_the_others_land(maru: Company) -> None:
    maru.people(3)
    maru.sandbox.org.put("Contact", id_of("Contact", 9), Name="박", Phone="call mum")
    report = maru.pull("Contact")
    (told,) = report.objects
    assert (report.exit_code, told.status, told.loaded, told.rejected) == (3, "pulled", 3, 1)
    assert "call mum" in told.rejects_files[0].read_text("utf-8-sig")
    maru.sandbox.org.put("Contact", id_of("Contact", 9), Phone="010-1234-5678")
    assert maru.pull_one("Contact").loaded == 1


def test_one_bad_record_alone_does_not_hold_the_bookmark(maru: Company) -> None:
    maru.sandbox.org.put("Contact", id_of("Contact", 9), Name="박", Phone="call mum")
    assert maru.pull_one("Contact").status == "nothing new"
    assert bookmark(maru)


@pytest.mark.parametrize("good", [0, 50])
@pytest.mark.parametrize("keys", [{}, {"bulk_from_rows": 1}], ids=["REST", "Bulk"])
def test_a_part_that_is_mostly_unreadable_is_held_until_someone_says_yes(
    maru: Company, good: int, keys: dict
) -> None:
    maru.people(150, Phone="?")
    maru.people(good, Phone="010-1234-5678")
    report = maru.pull("Contact", keys=keys)
    (told,) = report.objects
    assert (report.exit_code, told.status, told.loaded) == (1, "held", 0)
    assert maru.landed("salesforce_contacts") == []
    assert '--accept "why"' in (told.fix or "")
    assert maru.pull_one("Contact", keys).status == "held"
    accepted = maru.pull_one("Contact", keys, acceptance=Acceptance("mina", "old data"))
    assert accepted.is_done and (accepted.loaded, accepted.rejected) == (good, 150 - good)
    assert maru.pull_one("Contact", {"overlap_minutes": 0}).rows == 0


def test_a_source_without_changes_is_still_fresh(maru: Company) -> None:
    maru.pull("Campaign")
    with open_warehouse(maru.settings()) as warehouse:
        rows = warehouse.fetch(f"select source, loaded from {warehouse.relation('raw', '_files')}")
    assert [(row["source"], row["loaded"]) for row in rows] == [("salesforce.campaigns", 0)]


def test_the_eight_objects_are_pulled() -> None:
    pulled = [table.pull for table in read_sources(REPOSITORY) if table.pull]
    assert sorted(pulled) == sorted(Org().fields)


def test_an_object_that_nobody_declares_is_told(maru: Company) -> None:
    with pytest.raises(UsageError, match="Did you mean 'Contact'"):
        maru.pull("Contacts")


def test_secrets_come_from_the_environment_and_are_told_by_name(maru: Company) -> None:
    settings = maru.settings()
    with pytest.raises(ConfigError, match="MADANG_SALESFORCE_CLIENT_SECRET") as error:
        pull(
            settings, lambda: open_warehouse(settings), environ={"MADANG_SALESFORCE_CLIENT_ID": "x"}
        )
    assert error.value.exit_code == 2
    far = maru.settings(url="http://acme.my.salesforce.com")
    with pytest.raises(ConfigError, match="unencrypted"):
        pull(far, lambda: open_warehouse(far), environ=maru.environ, retry=QUICK)


def test_values_are_what_a_file_would_hold() -> None:
    assert Field("amount", "Amount", "currency").text("1.2E7") == "12000000"
    assert Field("amount", "Amount", "currency").text("12.50") == "12.50"
    assert Field("name", "Name", "string").text("1E5") == "1E5"
    assert [Field("x", "X", "boolean").text(v) for v in (True, False, None)] == [
        "true",
        "false",
        "",
    ]


def test_a_result_without_even_a_header_has_no_rows(tmp_path: Path) -> None:
    empty = tmp_path / "result.csv"
    empty.write_text("")
    chosen = Chosen("Contact", (Field("id", "Id", "id"),), ())
    assert list(csv_rows(empty, chosen)) == [] and count_rows(empty) == 0
    empty.write_text('"Name"\n"x"\n')
    with pytest.raises(ObjectFailed, match="no column id"):
        list(csv_rows(empty, chosen))


@pytest.mark.parametrize(
    ("since", "where"),
    [(None, ""), (LONG_AGO, " WHERE SystemModstamp >= 2026-10-01T09:00:00Z")],
)
def test_the_query(since: datetime | None, where: str) -> None:
    fields = (Field("id", "Id", "id"), Field("modified_at", "SystemModstamp", "datetime"))
    chosen = Chosen("Contact", (*fields, Field("name", "Id", "id")), ())
    assert soql(chosen, since) == f"SELECT Id, SystemModstamp FROM Contact{where}"
