"""The local Salesforce does what the vendor's pages say; each rule with its page.

REST: https://developer.salesforce.com/docs/platform/api-rest/guide
Bulk API 2.0: https://developer.salesforce.com/docs/platform/api-asynch/guide
"""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from madang.sandbox.org import Org
from madang.sandbox.salesforce import SalesforceSandbox

DATA = "/services/data/v66.0"
FORM = {
    "grant_type": "client_credentials",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
}


class Caller:
    """Somebody with a token."""

    def __init__(self, sandbox: SalesforceSandbox) -> None:
        self.sandbox = sandbox
        told = requests.post(sandbox.url + "/services/oauth2/token", data=FORM, timeout=5).json()
        assert told["instance_url"] == sandbox.url and told["token_type"] == "Bearer"
        self.headers = {"Authorization": f"Bearer {told['access_token']}"}

    def get(self, path: str, **params: object) -> requests.Response:
        url = self.sandbox.url + path
        return requests.get(url, params=params, headers=self.headers, timeout=5)

    def post(self, path: str, body: dict) -> requests.Response:
        url = self.sandbox.url + path
        return requests.post(url, json=body, headers=self.headers, timeout=5)


@pytest.fixture
def caller() -> Iterator[Caller]:
    with SalesforceSandbox(page_rows=2, job_looks=1) as sandbox:
        for number in range(5):
            sandbox.org.put("Lead", f"00Q{number}", Name=f'n"{number}', IsConverted=False)
        sandbox.org.delete("Lead", "00Q4")
        yield Caller(sandbox)


def test_a_wrong_secret_gets_no_token(caller: Caller) -> None:
    form = {**FORM, "client_secret": "x"}
    url = caller.sandbox.url + "/services/oauth2/token"
    answer = requests.post(url, data=form, timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


def test_without_a_good_token_401_and_a_list_of_errors(caller: Caller) -> None:
    caller.headers = {"Authorization": "Bearer x"}
    answer = caller.get(f"{DATA}/queryAll", q="SELECT Id FROM Lead")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_query_leaves_the_recycle_bin_out_and_query_all_takes_it(caller: Caller) -> None:
    for kind, count in (("query", 4), ("queryAll", 5)):
        page = caller.get(f"{DATA}/{kind}", q="SELECT Id, IsDeleted FROM Lead").json()
        assert (page["totalSize"], page["done"], len(page["records"])) == (count, False, 2)
        # the address of the next page says `query` in either case
        assert page["nextRecordsUrl"].startswith(f"{DATA}/query/")
        rows = page["records"]
        while not page["done"]:
            page = caller.get(page["nextRecordsUrl"]).json()
            rows += page["records"]
        assert len(rows) == count and "nextRecordsUrl" not in page
        assert rows[0]["attributes"]["type"] == "Lead"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT Nothing__c FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("DELETE Lead", "MALFORMED_QUERY"),
    ],
)
def test_a_query_that_cannot_be(caller: Caller, query: str, code: str) -> None:
    answer = caller.get(f"{DATA}/queryAll", q=query)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_every_answer_tells_the_calls_of_24_hours(caller: Caller) -> None:
    told = [caller.get(DATA).headers["Sforce-Limit-Info"] for _ in range(2)]
    assert told == ["api-usage=1/100000", "api-usage=2/100000"]


def test_a_job_from_its_beginning_to_its_end(caller: Caller) -> None:
    job = caller.post(
        f"{DATA}/jobs/query", {"operation": "queryAll", "query": "SELECT Id, Name FROM Lead"}
    ).json()
    assert job["state"] == "UploadComplete"
    path = f"{DATA}/jobs/query/{job['id']}"
    assert caller.get(f"{path}/results").status_code == 409
    states = [caller.get(path).json()["state"] for _ in range(2)]
    assert states == ["InProgress", "JobComplete"]
    rows, locator = [], None
    while locator != "null":
        params = {"maxRecords": 2, **({"locator": locator} if locator else {})}
        answer = caller.get(f"{path}/results", **params)
        page = list(csv.reader(io.StringIO(answer.text)))
        assert page[0] == ["Id", "Name"]
        assert int(answer.headers["Sforce-NumberOfRecords"]) == len(page) - 1
        rows += page[1:]
        locator = answer.headers["Sforce-Locator"]
    assert [row[1] for row in rows] == [f'n"{number}' for number in range(5)]
    again = caller.get(f"{path}/results", maxRecords=2)
    assert len(again.text.splitlines()) == 3, "the same part may be asked for again"
    url = caller.sandbox.url + path
    assert requests.delete(url, headers=caller.headers, timeout=5).status_code == 204
    assert caller.get(path).status_code == 404


def test_moments_and_nulls_as_each_api_writes_them(caller: Caller) -> None:
    query = "SELECT Id, Email, IsConverted, SystemModstamp FROM Lead"
    record = caller.get(f"{DATA}/query", q=query).json()["records"][0]
    assert record["Email"] is None and record["IsConverted"] is False
    assert record["SystemModstamp"].endswith(".000+0000")
    job = caller.post(f"{DATA}/jobs/query", {"operation": "query", "query": query}).json()
    path = f"{DATA}/jobs/query/{job['id']}"
    while caller.get(path).json()["state"] != "JobComplete":
        time.sleep(0.01)
    line = caller.get(f"{path}/results").text.splitlines()[1]
    assert line.startswith('"00Q0","","false","') and line.endswith('.000Z"')


def test_it_serves_alone_with_records_from_a_file(tmp_path: Path) -> None:
    record = {"Id": "0031", "Name": "김마루", "CreatedDate": "2026-10-01T09:00:00Z"}
    records = tmp_path / "records.json"
    records.write_text(json.dumps({"Contact": [record]}), encoding="utf-8")
    command = [sys.executable, "-m", "madang.sandbox.salesforce", "--port", "0", "--control"]
    environ = {"MADANG_SALESFORCE_CLIENT_ID": "me", "MADANG_SALESFORCE_CLIENT_SECRET": "s"}
    process = subprocess.Popen(
        [*command, "--records", str(records)],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "1 records\n"
        url = process.stdout.readline().split()[-1]
        form = {**FORM, "client_id": "me", "client_secret": "s"}
        told = requests.post(f"{url}/services/oauth2/token", data=form, timeout=5).json()
        headers = {"Authorization": f"Bearer {told['access_token']}"}
        query = f"{url}{DATA}/query?q=SELECT Name, CreatedDate FROM Contact"
        (found,) = requests.get(query, headers=headers, timeout=5).json()["records"]
        assert (found["Name"], found["CreatedDate"]) == ("김마루", "2026-10-01T09:00:00.000+0000")
        requests.post(f"{url}/_sandbox/faults", json={"kind": "status", "status": 503}, timeout=5)
        assert requests.get(query, headers=headers, timeout=5).status_code == 503
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


UPSERT = "/composite/sobjects/Contact/No__c"


@pytest.fixture
def upserted():
    """Upsert records into an org with one external id; return (status, body)."""
    fields = {"Id": "id", "LastName": "string", "No__c": "external_id", "Vip__c": "boolean"}
    with SalesforceSandbox(org=Org({"Contact": fields})) as sandbox, requests.Session() as session:
        session.trust_env = False
        sandbox.tokens.add("t")
        session.headers["Authorization"] = "Bearer t"
        sandbox.org.put("Contact", "003A", LastName="김", No__c="C1")
        sandbox.org.put("Contact", "003B", LastName="이", No__c="two")
        sandbox.org.put("Contact", "003C", LastName="박", No__c="TWO")

        def upsert(*records: dict, path: str = UPSERT):
            body = {"allOrNone": False, "records": list(records)}
            answer = session.patch(f"{sandbox.url}/services/data/v66.0{path}", json=body)
            return answer.status_code, answer.json()

        upsert.org = sandbox.org
        yield upsert


def record(key: str, **values: object) -> dict:
    return {"attributes": {"type": "Contact"}, "No__c": key, **values}


def test_a_collection_gives_one_result_a_record_in_order(upserted):
    status, told = upserted(
        record("c1", Vip__c=True),
        record("new", LastName="최"),
        record("nameless"),
        record("C1", Vip__c=False),
        record("two", Vip__c=True),
        record("C9", LastName="x", Vip__c=None),
        record("C8", LastName="x", Other__c=1),
    )
    assert status == 200
    assert [one.get("created") for one in told[:2]] == [False, True]
    assert [one["errors"][0]["statusCode"] for one in told[2:]] == [
        "REQUIRED_FIELD_MISSING",
        "DUPLICATE_VALUE",
        "MULTIPLE_CHOICES",
        "INVALID_TYPE_ON_FIELD_IN_RECORD",
        "INVALID_FIELD",
    ]
    assert len(upserted.org.records("Contact")) == 4


def test_a_collection_that_salesforce_would_refuse_is_refused_whole(upserted):
    assert upserted(*[record(f"K{n}", LastName="x") for n in range(201)])[0] == 400
    assert upserted()[0] == 400
    assert upserted(record("C1"), path="/composite/sobjects/Contact/LastName")[0] == 404
    assert upserted(record("C1"), path="/composite/sobjects/Other/No__c")[0] == 404
    assert len(upserted.org.records("Contact")) == 3


CAMPAIGNS = {
    "Contact": {"Id": "id", "LastName": "string"},
    "Lead": {"Id": "id", "LastName": "string", "IsConverted": "boolean"},
    "Campaign": {"Id": "id", "Name": "string"},
    "CampaignMember": {
        "Id": "id",
        "CampaignId": "reference",
        "ContactId": "reference",
        "LeadId": "reference",
        "Status": "picklist",
        "HasResponded": "boolean",
    },
}


@pytest.fixture
def marketer() -> Iterator[Caller]:
    with SalesforceSandbox(org=Org(CAMPAIGNS)) as sandbox:
        sandbox.org.put("Contact", "003A", LastName="n")
        sandbox.org.put("Lead", "00QA", LastName="n", IsConverted=False)
        sandbox.org.put("Lead", "00QB", LastName="n", IsConverted=True)
        yield Caller(sandbox)


@pytest.mark.parametrize(
    ("member", "code"),
    [
        # https://developer.salesforce.com/docs/atlas.en-us.220.0.object_reference.meta/object_reference/sforce_api_objects_campaignmember.htm
        ({"ContactId": "003A", "LeadId": "00QA"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"ContactId": "003A", "HasResponded": True}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"ContactId": "003A", "Status": "x"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"ContactId": "003Z"}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"LeadId": "00QB"}, "CANNOT_UPDATE_CONVERTED_LEAD"),
    ],
)
def test_a_member_that_cannot_be(marketer: Caller, member: dict, code: str) -> None:
    campaign = marketer.post(f"{DATA}/sobjects/Campaign", {"Name": "c"}).json()["id"]
    kind = {"attributes": {"type": "CampaignMember"}, "CampaignId": campaign}
    body = {"allOrNone": False, "records": [{**kind, **member}, {**kind, "LeadId": "00QA"}]}
    told = marketer.post(f"{DATA}/composite/sobjects", body).json()
    assert told[0]["errors"][0]["statusCode"] == code
    assert told[1]["success"], "one error of a record is none of the others"
    (again, _) = marketer.post(
        f"{DATA}/composite/sobjects", {**body, "records": [{**kind, "LeadId": "00QA"}] * 2}
    ).json()
    assert again["errors"][0]["statusCode"] == "DUPLICATE_VALUE"


def test_a_campaign_has_statuses_and_a_response_follows_from_them(marketer: Caller) -> None:
    campaign = marketer.post(f"{DATA}/sobjects/Campaign", {"Name": "c"}).json()["id"]
    labels = [one["Label"] for one in marketer.sandbox.org.records("CampaignMemberStatus")]
    assert labels == ["Sent", "Responded"]
    member = {"CampaignId": campaign, "ContactId": "003A", "Status": "Responded"}
    marketer.post(f"{DATA}/sobjects/CampaignMember", member)
    (found,) = marketer.sandbox.org.records("CampaignMember")
    assert found["HasResponded"]


def test_an_ingest_job_takes_one_file_and_tells_what_became_of_it_in_its_own_order() -> None:
    fields = {"Contact": {"Id": "id", "LastName": "string", "No__c": "external_id"}}
    with SalesforceSandbox(org=Org(fields)) as sandbox:
        caller = Caller(sandbox)
        wanted = {
            "object": "Contact",
            "operation": "upsert",
            "externalIdFieldName": "No__c",
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        other = {**wanted, "externalIdFieldName": "LastName"}
        assert caller.post(f"{DATA}/jobs/ingest", other).json()[0]["errorCode"] == "INVALIDJOB"
        job = caller.post(f"{DATA}/jobs/ingest", wanted).json()
        path = f"{DATA}/jobs/ingest/{job['id']}"
        assert job["state"] == "Open" and job["contentUrl"].endswith("/batches")

        def send(method: str, more: str = "", **options: object) -> requests.Response:
            headers = {**caller.headers, **options.pop("headers", {})}
            return requests.request(
                method, sandbox.url + path + more, headers=headers, timeout=5, **options
            )

        content = "No__c,LastName\na,A\nb,\nc,C\n"
        told = send("PATCH", json={"state": "UploadComplete"}).json()
        assert told[0]["errorCode"] == "INVALIDJOBSTATE", "nothing was uploaded"
        csv_kind = {"Content-Type": "text/csv"}
        assert send("PUT", "/batches", data=content, headers=csv_kind).status_code == 201
        twice = send("PUT", "/batches", data=content, headers=csv_kind).json()
        assert "multiple contents" in twice[0]["message"]
        assert send("GET", "/failedResults").status_code == 400
        assert send("PATCH", json={"state": "UploadComplete"}).json()["state"] == "UploadComplete"
        states = [send("GET").json()["state"] for _ in range(2)]
        assert states == ["InProgress", "JobComplete"]
        done = list(csv.DictReader(io.StringIO(send("GET", "/successfulResults").text)))
        assert [row["No__c"] for row in done] == ["c", "a"]
        (failed,) = csv.DictReader(io.StringIO(send("GET", "/failedResults").text))
        assert failed["No__c"] == "b"
        assert failed["sf__Error"].startswith("REQUIRED_FIELD_MISSING:")
        assert send("GET", "/unprocessedrecords").text == "No__c,LastName\n"
