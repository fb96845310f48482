"""Fields of contacts at a local Salesforce, over HTTP, from rows to receipts."""

import pytest

from madang.errors import ConfigError, SpecError
from madang.sandbox.org import Org
from madang.sandbox.salesforce import SalesforceSandbox
from madang.settings.salesforce import SalesforceSettings
from madang.sync import DestinationDown, DestinationRefused, SyncError
from madang.sync.destinations.salesforce.destination import SalesforceTarget, field_problem
from sync_place import Place

FIELDS = {
    "Contact": {
        "Id": "id",
        "LastName": "string",
        "No__c": "external_id",
        "Vip__c": "boolean",
        "Tier__c": "string",
    }
}
ENVIRON = {
    "MADANG_SALESFORCE_CLIENT_ID": "sandbox-client",
    "MADANG_SALESFORCE_CLIENT_SECRET": "sandbox-secret",
}


def vips(*numbers: int) -> list[tuple]:
    return [(f"C{number:04}", "Vip__c", "true") for number in numbers]


class There(Place):
    """A workspace whose one sync goes to the local Salesforce."""

    def __init__(self, root, sandbox, more="leaving: false", batch=5, **keys) -> None:
        names = {"name": "contact", "key": "external_id"}
        more = f", external_id_field: No__c, {more}"
        target = SalesforceTarget(records_per_request=batch)
        super().__init__(root, "salesforce", target, ENVIRON, more=more, **names)
        org = SalesforceSettings(url=sandbox.url, **keys)
        self.settings = self.settings.model_copy(update={"salesforce": org})


@pytest.fixture
def sandbox():
    with SalesforceSandbox(org=Org(FIELDS)) as found:
        for number in range(20):
            values = {"LastName": "김", "No__c": f"C{number:04}", "Vip__c": False}
            found.org.put("Contact", f"003{number:012}AAA", **values)
        yield found


@pytest.fixture
def there(tmp_path, sandbox):
    return There(tmp_path, sandbox)


def checked(sandbox) -> set[str]:
    return {one["No__c"] for one in sandbox.org.records("Contact") if one.get("Vip__c")}


def test_contacts_hold_exactly_what_is_wanted(there, sandbox):
    result = there.sync(*vips(*range(12)), ("C0001", "Tier__c", '"VVIP"'))
    assert (result.status, result.accepted) == ("succeeded", 13)
    assert checked(sandbox) == {f"C{number:04}" for number in range(12)}
    result = there.sync(*vips(*range(5, 14)))
    assert (result.status, result.accepted) == ("succeeded", 5 + 1 + 2)
    assert checked(sandbox) == {f"C{number:04}" for number in range(5, 14)}
    (one,) = (one for one in sandbox.org.records("Contact") if one["No__c"] == "C0001")
    assert one["Tier__c"] is False, "a field that leaves gets what the sync says"


def test_nobody_is_made_unless_the_sync_says_so(there, sandbox):
    result = there.sync(*vips(1), ("C9999", "Vip__c", "true"), ("it's \\", "Vip__c", "true"))
    assert (result.status, result.accepted, result.rejected) == ("partial", 1, 2)
    assert {row["reason"] for row in there.ledger("sync_rejects")} == {"not in salesforce"}
    assert len(sandbox.org.records("Contact")) == 20


def test_a_removal_makes_nobody_either(tmp_path, sandbox):
    there = There(tmp_path, sandbox, more="leaving: false, create_missing: true")
    new = [("C9999", "Vip__c", "true"), ("C9999", "LastName", '"이"')]
    assert there.sync(*new, *vips(1)).accepted == 3
    assert len(sandbox.org.records("Contact")) == 21
    record = next(one for one in sandbox.org.records("Contact") if one["No__c"] == "C9999")
    sandbox.org.put("Contact", record["Id"], No__c="moved")
    assert there.sync(*vips(1)).status == "succeeded"
    assert len(sandbox.org.records("Contact")) == 21


def test_keys_are_compared_without_their_case(there, sandbox):
    assert there.sync(("c0001", "Vip__c", "true")).accepted == 1
    assert len(sandbox.org.records("Contact")) == 20


def test_a_record_that_the_org_refuses_is_rejected_and_the_others_arrive(there, sandbox):
    rows = [*vips(1, 2), ("C0003", "Vip__c", '"yes"'), ("C0004", "Nothing__c", "true")]
    result = there.sync(*rows)
    assert (result.accepted, result.rejected) == (2, 2)
    told = {row["sync_key"]: row["problem"] for row in there.ledger("sync_rejects")}
    assert told["C0003"].startswith("INVALID_TYPE_ON_FIELD_IN_RECORD")
    assert told["C0004"].startswith("INVALID_FIELD")


def test_a_locked_record_is_tried_again(there, sandbox):
    sandbox.faults.add("row_lock", times=2, rows=("C0001",))
    assert there.sync(*vips(*range(5))).status == "succeeded"
    assert checked(sandbox) == {f"C{number:04}" for number in range(5)}


def test_a_login_that_is_refused_before_a_locked_record_goes_again_keeps_what_arrived(
    there, sandbox
):
    """The rest of the batch is rejected, and goes with the next plan."""
    sandbox.faults.add("row_lock", keys=("upsert",), rows=("C0001",))
    sandbox.faults.add("status", keys=("upsert",), status=403, after=1)
    result = there.sync(*vips(*range(5)))
    assert (result.status, result.accepted, result.rejected) == ("partial", 4, 1)
    sandbox.faults.clear()
    assert there.sync(*vips(*range(5))).accepted == 1
    assert checked(sandbox) == {f"C{number:04}" for number in range(5)}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("status", {"status": 503}),
        ("rate_limit", {"seconds": 0.05}),
        ("drop_before", {}),
        ("drop_after", {}),
        ("expire", {}),
    ],
)
@pytest.mark.parametrize("after", [0, 1, 2])
def test_passing_trouble_costs_no_row(there, sandbox, kind, options, after):
    sandbox.faults.add(kind, after=after, **options)
    assert there.sync(*vips(*range(12))).status == "succeeded"
    assert checked(sandbox) == {f"C{number:04}" for number in range(12)}


def test_calls_that_are_used_up_end_the_run_and_the_next_goes_on(there, sandbox):
    sandbox.faults.add("limit", after=3)
    there.want(*vips(*range(12)))
    there.plan()
    with pytest.raises(DestinationDown, match="no calls left"):
        there.apply()
    assert there.apply().status == "succeeded"
    assert checked(sandbox) == {f"C{number:04}" for number in range(12)}


def test_the_last_calls_of_the_org_are_left_to_others(tmp_path):
    with SalesforceSandbox(org=Org(FIELDS), calls=10) as sandbox:
        there = There(tmp_path, sandbox, max_api_share=0.2)
        with pytest.raises(DestinationDown, match="max_api_share"):
            there.sync(*vips(*range(20)))


def test_a_field_that_is_no_external_id_is_told(tmp_path, sandbox):
    there = There(tmp_path, sandbox, more="leaving: false, create_missing: true")
    sandbox.org.fields["Contact"]["No__c"] = "string"
    with pytest.raises(DestinationRefused, match="NOT_FOUND") as error:
        there.sync(*vips(1))
    assert "external_id_field" in error.value.fix


def test_a_wrong_secret_is_told_without_it(there):
    there.environ = {**ENVIRON, "MADANG_SALESFORCE_CLIENT_SECRET": "not-the-secret"}
    with pytest.raises(DestinationRefused, match="invalid_client") as error:
        there.sync(*vips(1))
    assert "not-the-secret" not in str(error.value)


def test_the_org_is_the_one_of_the_pull(there):
    there.settings = there.settings.model_copy(update={"salesforce": None})
    with pytest.raises(ConfigError, match="which Salesforce"):
        there.sync(*vips(1))


def test_the_field_of_the_key_must_be_said(tmp_path, sandbox):
    there = There(tmp_path, sandbox)
    path = there.root / "project/models/activation/_one__exposures.yml"
    path.write_text(path.read_text().replace(", external_id_field: No__c", ""))
    there.want(*vips(1))
    with pytest.raises(SpecError, match="external_id_field"):
        there.plan()


@pytest.mark.parametrize("name", ["Id", "a b", "1a", "Tier__x__c", "x" * 44])
def test_what_is_no_name_of_a_field_is_found_in_the_plan(there, name):
    assert field_problem(name)
    there.want(("C0001", name, "true"))
    with pytest.raises(SyncError, match=r"Salesforce takes|API name"):
        there.plan()
