"""Members of lists at a local Google, over HTTP, from rows to receipts."""

import hashlib
import json

import pytest

from madang import work
from madang.erase.columns import read_columns
from madang.erase.lists import keeping, memberships
from madang.erase.tables import forget_logs
from madang.erase.values import Known
from madang.errors import ConfigError
from madang.sandbox.google import GoogleSandbox
from madang.sync import DestinationDown, DestinationRefused, deletions
from madang.sync.destinations.google.destination import GoogleSettings
from madang.sync.later import ask
from member_rows import key, on
from sync_place import Place, counted
from sync_workspace import REPOSITORY

ACCOUNT = "1234567890"
ADDRESSES = (("email", "minji@gmail.com"), ("phone", "+821012345678"))
ENVIRON = {
    "MADANG_GOOGLE_CLIENT_ID": "id",
    "MADANG_GOOGLE_CLIENT_SECRET": "hush",
    "MADANG_GOOGLE_REFRESH_TOKEN": "sandbox-refresh-token",
}


class There(Place):
    """A workspace whose one sync goes to the local Google."""

    def __init__(self, root, google: GoogleSandbox, more: str = "", **keys) -> None:
        told = {"account_id": ACCOUNT, "terms_accepted": True, "auth": "refresh_token"}
        told |= {"political_ads_declared": True, **keys}
        urls = {"url": google.url, "token_url": f"{google.url}/token"}
        settings = GoogleSettings(**{**urls, **told})
        names = {"name": "user_lists", "key": "match_key", "more": more}
        super().__init__(root, "google", settings, ENVIRON, **names)


@pytest.fixture
def google():
    with GoogleSandbox(ACCOUNT) as sandbox:
        yield sandbox


@pytest.fixture
def there(tmp_path, google):
    return There(tmp_path, google, members_per_request=4)


def test_lists_hold_exactly_who_is_wanted_and_are_made_once(there, google):
    there.sync(*on(*range(10)), *on(1, 2, field="vips"), (key(7, "phone"), "vips", "true"))
    assert google.on("buyers") == {key(number) for number in range(10)}
    assert google.on("vips") == {key(1), key(2), key(7, "phone")}
    made = {one["integrationCode"]: one for one in google.lists.values()}
    assert set(made) == {"buyers", "vips"}
    assert made["buyers"]["membershipDuration"] == "46656000s"
    result = there.sync(*on(*range(3, 12)), *on(1, field="vips"))
    assert google.on("buyers") == {key(number) for number in range(3, 12)}
    assert google.on("vips") == {key(1)}
    assert len(google.lists) == 2
    assert (result.status, result.accepted) == ("succeeded", 2 + 3 + 2)


def test_who_takes_a_consent_back_is_removed_by_the_next_run(there, google):
    there.sync(*on(1, 2, 3))
    there.sync(*on(1, 2), (key(3), "buyers", "true", "withdrawn"))
    assert google.on("buyers") == {key(1), key(2)}


def test_receipts_name_the_request(there):
    there.sync(*on(1, 2, 3))
    (batch,) = there.ledger("sync_batches")
    assert len(batch["remote_reference"]) == 16


def poll(there) -> list[tuple[str, str | None]]:
    return [(one.status, one.problem) for one in ask(there.settings, there.warehouse)]


@pytest.fixture
def secrets(monkeypatch):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


def test_what_became_of_a_request_is_asked_until_google_knows(there, secrets):
    there.sync(*on(*range(6)))  # two requests
    assert poll(there) == [("waiting", None)] * 2
    assert poll(there) == [("applied", None)] * 2
    assert poll(there) == []
    assert {row["status"] for row in there.ledger("sync_answers")} == {"applied"}
    assert there.plan().is_empty


def test_what_became_of_rows_is_counted_by_audience(there, google, secrets):
    there.sync(*on(*range(6)), *on(1, 2, field="vips"), (key(9), "vips", "true", "no_consent"))
    plan = counted(there, "sync_plan_counts")
    assert plan == {
        ("buyers", "wanted"): 6,
        ("buyers", "add"): 6,
        ("vips", "wanted"): 2,
        ("vips", "add"): 2,
        # there is one person in these rows, who has a row that may be sent
    }
    assert counted(there) == {("buyers", "add", "accepted"): 6, ("vips", "add", "accepted"): 2}
    poll(there)
    poll(there)
    assert counted(there) == {("buyers", "add", "applied"): 6, ("vips", "add", "applied"): 2}
    there.sync(*on(*range(6)))
    failing(google, "FAILED")
    poll(there)
    assert counted(there)["vips", "remove", "unknown"] == 2


def failing(google, state: str) -> None:
    """Let every request that was taken fail later."""
    counts = {"reason": "PROCESSING_ERROR_REASON_INTERNAL_ERROR", "recordCount": "4"}
    error = {"requestStatus": state, "errorInfo": {"errorCounts": [counts]}}
    google.states.update({key: [{"requestStatusPerDestination": [error]}] for key in google.states})


def test_what_failed_later_is_sent_again_by_the_next_plan(there, google, secrets):
    there.sync(*on(*range(4)))
    failing(google, "FAILED")
    assert poll(there) == [("failed", "INTERNAL_ERROR: 4")]
    google.members = {name: set() for name in google.members}
    assert there.sync(*on(*range(4))).accepted == 4
    assert google.on("buyers") == {key(number) for number in range(4)}
    assert [status for status, _ in poll(there)] == ["waiting"]


def test_what_failed_later_and_was_sent_since_is_left_as_it_is(there, google, secrets):
    there.sync(*on(1))
    failing(google, "FAILED")
    there.sync(*on(2))  # takes 1 away
    assert ("failed", "INTERNAL_ERROR: 4") in poll(there)
    there.want(*on(2))
    assert there.plan().is_empty


def test_what_failed_in_part_is_said_with_the_reasons(there, google, secrets):
    there.sync(*on(*range(4)))
    failing(google, "PARTIAL_SUCCESS")
    assert work.poll(there.settings) == 3
    (row,) = there.ledger("sync_answers")
    assert (row["status"], row["problem"]) == ("partial", "INTERNAL_ERROR: 4")
    assert there.plan().is_empty


def test_google_that_cannot_be_asked_is_asked_later(there, google, secrets, monkeypatch):
    there.sync(*on(1))
    monkeypatch.setenv("MADANG_GOOGLE_REFRESH_TOKEN", "no-token")
    ((status, problem),) = poll(there)
    assert (status, "invalid_grant" in problem) == ("waiting", True)
    assert there.ledger("sync_answers") == []


def test_a_member_that_google_names_is_rejected_and_the_others_arrive(there, google):
    google.bad_hashes.add(key(2).partition(":")[2])
    result = there.sync(*on(*range(8)))
    assert google.on("buyers") == {key(number) for number in range(8) if number != 2}
    assert (result.status, result.accepted, result.rejected) == ("partial", 7, 1)
    (refused,) = there.ledger("sync_rejects")
    assert refused["sync_key"] == key(2)
    assert refused["problem"] == "The value [hash] is no SHA-256 hash."


@pytest.mark.parametrize("bad", ["email:someone@maru.example", "email:" + "A" * 64, "x"])
def test_what_is_no_hash_never_leaves_as_it_is(there, google, bad):
    result = there.sync(*on(1), (bad, "buyers", "true"))
    assert google.on("buyers") == {key(1)}
    assert (result.accepted, result.rejected) == (1, 1)


@pytest.mark.parametrize(
    "fault", [{"kind": "drop_after"}, {"kind": "drop_before"}, {"kind": "status", "status": 503}]
)
@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_passing_trouble_costs_no_member(there, google, fault, after):
    google.faults.add(after=after, **fault)
    assert there.sync(*on(*range(10))).status == "succeeded"
    assert google.on("buyers") == {key(number) for number in range(10)}
    assert len(google.lists) == 1, "a list was made twice"


def test_a_token_that_ends_is_renewed(there, google):
    google.faults.add("expire", after=2)
    assert there.sync(*on(*range(10))).status == "succeeded"
    assert google.on("buyers") == {key(number) for number in range(10)}


def test_a_run_that_was_stopped_goes_on(there, google):
    google.faults.add("status", status=503, times=None, after=3)
    there.want(*on(*range(12)))
    there.plan()
    with pytest.raises(DestinationDown, match="503"):
        there.apply()
    google.faults.clear()
    there.apply()
    assert google.on("buyers") == {key(number) for number in range(12)}


def test_another_account_is_refused_with_what_to_do(tmp_path, google):
    there = There(tmp_path, google, account_id="1111111111")
    with pytest.raises(DestinationRefused, match="does not have permission") as error:
        there.sync(*on(1))
    assert "login_account_id" in error.value.fix


def test_a_wrong_secret_is_told_without_it(there):
    there.environ = {**ENVIRON, "MADANG_GOOGLE_REFRESH_TOKEN": "not-the-token"}
    with pytest.raises(DestinationRefused, match="invalid_grant") as error:
        there.sync(*on(1))
    assert "not-the-token" not in str(error.value)


def test_nothing_is_sent_before_somebody_accepted_the_terms(tmp_path, google):
    there = There(tmp_path, google, terms_accepted=False)
    with pytest.raises(ConfigError, match="terms"):
        there.sync(*on(1))
    assert google.log() == []


def test_nothing_is_sent_before_political_ads_were_declared(tmp_path, google):
    there = There(tmp_path, google, political_ads_declared=False)
    with pytest.raises(ConfigError, match="EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"):
        there.sync(*on(1))
    assert google.log() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ingestedUserListInfo": {"uploadKeyTypes": ["MOBILE_ID"]}}, "takes other keys"),
        ({"readOnly": True}, "belongs to another account"),
        ({"membershipStatus": "CLOSED", "closingReason": "UNUSED"}, "is closed for it was not us"),
        ({"membershipDuration": "2592000s"}, "keeps members for 30 days, and the sync says 540"),
    ],
)
def test_a_list_that_is_not_ours_costs_its_own_members_alone(there, google, change, said):
    there.sync(*on(1, 2))
    (number,) = google.lists
    google.lists[number] |= change
    result = there.sync(*on(2, 3), *on(4, field="vips"))
    assert google.on("buyers") == {key(1), key(2)}, "it was changed"
    assert google.on("vips") == {key(4)}
    assert (result.status, result.accepted, result.rejected) == ("partial", 1, 2)
    (told,) = {row["problem"] for row in there.ledger("sync_rejects")}
    assert said in told


def test_a_list_of_the_same_name_and_another_code_is_not_taken(there, google):
    other = {"displayName": "madang_buyers", "integrationCode": "of others"}
    google.lists["1"], google.members["1"] = other, set()
    result = there.sync(*on(1), *on(2, field="vips"))
    assert (google.members["1"], google.on("vips")) == (set(), {key(2)})
    assert (result.accepted, result.rejected) == (1, 1)


def test_who_was_on_a_list_that_was_deleted_there_is_added_again(there, google):
    there.sync(*on(*range(6)), *on(1, field="vips"))
    number = next(n for n, one in google.lists.items() if one["integrationCode"] == "buyers")
    del google.lists[number], google.members[number]
    assert there.sync(*on(*range(1, 7)), *on(1, field="vips")).gone == {"buyers": 6}
    assert google.on("buyers") == {key(6)}
    assert there.plan().by_field["buyers"].added == 5
    there.apply()
    assert google.on("buyers") == {key(number) for number in range(1, 7)}
    assert there.plan().is_empty


def test_a_member_is_added_again_before_google_forgets_it(tmp_path, google):
    there = There(tmp_path, google, more=", membership_days: 30")
    there.sync(*on(1, 2, 3))
    with there.warehouse() as warehouse:
        deliveries = warehouse.relation("ledger", "sync_deliveries")
        days = f"case sync_key when '{key(1)}' then 26 else 28 end"
        warehouse.execute(
            f"update {deliveries} set recorded_at = recorded_at - to_days({days}::integer)"
        )
    there.want(*on(1, 2))
    plan = there.plan()
    assert (plan.added, plan.removed, plan.unchanged, plan.guards) == (1, 1, 1, ())
    there.apply()
    assert there.plan().is_empty
    assert google.on("buyers") == {key(1), key(2)}


def test_the_band_in_which_google_found_members_is_kept(there, google, secrets):
    there.sync(*on(*range(6)), (key(7, "phone"), "vips", "true"))
    warned = {"reason": "PROCESSING_WARNING_REASON_INTERNAL_ERROR", "recordCount": "1"}
    for number, told in enumerate(google.states.values()):
        done = told[-1]["requestStatusPerDestination"][0]
        status = done["audienceMembersIngestionStatus"]["compositeDataIngestionStatus"]
        if number == 1:
            done["warningInfo"] = {"warningCounts": [warned | {"recordIndices": [0]}]}
        if number == 2:
            status["uploadMatchRateRange"] = "MATCH_RATE_RANGE_NOT_ELIGIBLE"
    poll(there)
    poll(there)
    names = ("audience", "match_rate", "match_percent_low", "match_percent_high", "match_records")
    names += ("warnings",)
    assert [tuple(row[name] for name in names) for row in there.ledger("sync_answers")] == [
        ("buyers", "61_TO_70", 61, 70, 4, None),
        ("buyers", "61_TO_70", 61, 70, 2, "INTERNAL_ERROR: 1"),
        ("vips", "NOT_ELIGIBLE", None, None, 1, None),
    ]
    (later,) = there.ledger("sync_deliveries", "run_id like '%-later'")
    assert (later["status"], later["reason"]) == ("accepted", "INTERNAL_ERROR")
    applied = {
        (row["audience"], row["match_key"]): row["row_count"]
        for row in there.ledger("sync_run_counts", "status = 'applied' and batch_no <> 1")
    }
    assert applied == {("buyers", "email"): 2, ("vips", "phone"): 1}
    assert there.plan().is_empty


def test_how_long_google_keeps_a_member_is_the_syncs_choice(tmp_path, google):
    There(tmp_path, google, more=", membership_days: 30").sync(*on(1))
    (made,) = google.lists.values()
    assert made["membershipDuration"] == f"{30 * 86400}s"


def test_a_service_account_signs_in(tmp_path, google):
    pytest.importorskip("jwt")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    pem = made.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain).decode()
    file = tmp_path / "key.json"
    file.write_text(json.dumps({"client_email": "a@b.example", "private_key": pem}))
    there = There(tmp_path / "there", google, auth="service_account")
    there.environ = {"MADANG_GOOGLE_KEY_FILE": str(file)}
    there.sync(*on(1))
    assert google.on("buyers") == {key(1)}
    for content, said in (("no json", "no key of a service account"), ("{}", "no key of")):
        file.write_text(content)
        with pytest.raises(ConfigError, match=said):
            there.sync(*on(1, 2))


def test_an_erased_person_is_taken_off_every_list_and_out_of_the_ledger(
    there, google, secrets, monkeypatch
):
    known = Known("p", emails=["min.ji+car@gmail.com"], phones=["+821012345678"])
    # Google writes Gmail's addresses without dots and +tag
    mine = [f"{kind}:{hashlib.sha256(text.encode()).hexdigest()}" for kind, text in ADDRESSES]
    there.sync(*on(1, 2), *[(one, field, "true") for one in mine for field in ("buyers", "vips")])
    assert google.on("vips") == set(mine)
    with there.warehouse() as warehouse:
        listed = memberships(there.settings, warehouse, known)
        forget_logs(warehouse, read_columns(REPOSITORY), known)
    assert len(listed["google"]) == 4
    assert keeping(there.settings) == {}
    deletions.queue(there.settings, "an-erasure", ["google"], listed["google"])
    monkeypatch.setenv("MADANG_GOOGLE_REFRESH_TOKEN", "no-token")
    (told,) = deletions.send(there.settings)
    assert (told.status, told.keys) == ("waiting", 4)
    monkeypatch.setenv("MADANG_GOOGLE_REFRESH_TOKEN", google.refresh_token)
    (told,) = deletions.send(there.settings)
    assert (told.status, told.keys, told.http_status) == ("deleted", 4, 200)
    assert google.on("vips") == set()
    assert google.on("buyers") == {key(1), key(2)}
    assert {row["sync_key"] for row in there.ledger("sync_deliveries")} == {key(1), key(2)}
    there.want(*on(1, 2))
    assert there.plan().is_empty
