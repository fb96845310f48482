"""Verified conversions to a local Google, over HTTP, from rows to what became of each."""

import json

import pytest

from conversion_rows import hashed, row
from madang.erase.lists import keeping
from madang.errors import SpecError
from madang.health import doctor_destinations
from madang.sandbox.google import GoogleSandbox
from madang.sync import DestinationDown, DestinationRefused
from madang.sync.destinations.google.destination import GoogleSettings
from madang.sync.later import ask
from madang.sync.spec import load_specs
from sync_place import Place

ACCOUNT = "1234567890"
ENVIRON = {
    "MADANG_GOOGLE_CLIENT_ID": "id",
    "MADANG_GOOGLE_CLIENT_SECRET": "hush",
    "MADANG_GOOGLE_REFRESH_TOKEN": "sandbox-refresh-token",
    "MADANG_GOOGLE_DEVELOPER_TOKEN": "sandbox-developer-token",
}
TYPES = ", conversions: {test_drive: {action_id: '71', source: IN_STORE}, order: {action_id: '72'}}"


class There(Place):
    """A workspace whose one sync reports conversions to the local Google."""

    def __init__(self, root, google: GoogleSandbox, more: str = TYPES, **keys) -> None:
        told = {"account_id": ACCOUNT, "auth": "refresh_token", **keys}
        settings = GoogleSettings(url=google.url, token_url=f"{google.url}/token", **told)
        names = {"name": "conversions", "key": "upload_key", "more": more}
        super().__init__(root, "google", settings, ENVIRON, **names)


@pytest.fixture
def google():
    with GoogleSandbox(ACCOUNT) as sandbox:
        sandbox.actions = {"71", "72"}
        yield sandbox


@pytest.fixture
def there(tmp_path, google, monkeypatch):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    return There(tmp_path, google, events_per_request=4)


def poll(there) -> list[tuple[str, str | None]]:
    return [(one.status, one.problem) for one in ask(there.settings, there.warehouse)]


def told(there) -> dict[str, tuple[str, str | None]]:
    """The latest delivery of each key: status and reason."""
    rows = sorted(
        there.ledger("sync_deliveries"), key=lambda one: (one["ledger_no"], one["run_id"])
    )
    return {one["sync_key"]: (one["status"], one["reason"]) for one in rows}


def test_each_conversion_is_told_once_to_the_action_of_its_type(there, google):
    rows = [row(number) for number in range(6)] + [row(9, "order", value=None, currency=None)]
    result = there.sync(*rows)
    assert (result.status, result.accepted) == ("succeeded", 7)
    assert {action: len(events) for action, events in google.events.items()} == {"71": 6, "72": 1}
    event = google.events["71"]["c0003"]
    assert (event["conversionValue"], event["currency"]) == (150.5, "KRW")
    assert event["adIdentifiers"] == {"gclid": "Cj0-3"}
    assert event["userData"]["userIdentifiers"] == [
        {"emailAddress": hashed("e3")},
        {"phoneNumber": hashed("p3")},
    ]
    assert event["eventSource"] == "IN_STORE"
    assert set(event["consent"].values()) == {"CONSENT_GRANTED"}
    assert "conversionValue" not in google.events["72"]["c0009"]
    there.want(*rows[:3], row(3, value="1"))
    assert there.plan().is_empty, "a conversion that was told is told again, or changed"


def test_the_ledger_keeps_what_google_was_told_it_is_worth(there):
    there.sync(row(1), row(2, value=None, currency=None))
    amounts = {one["sync_key"]: one["amount"] for one in there.ledger("sync_deliveries")}
    assert amounts == {"u0001": "150.5", "u0002": None}


WRONG = [
    ({"currency": None}, "a value and no currency"),
    ({"currency": "won"}, "three capital letters"),
    ({"click_id_name": "fbclid"}, "not one of Google's (gclid, gbraid, wbraid)"),
    ({"click_id": None}, "a name without a click id"),
    ({"click_id": "a b"}, "holds what no click id holds"),
    ({"click_id": None, "click_id_name": None, "match_keys": None}, "neither a click id"),
    ({"match_keys": "email:someone@maru.example"}, "no SHA-256 hash"),
    ({"days_ago": -1}, "in the future"),
    ({"value": "-1"}, "no amount"),
    ({"value": "NaN"}, "no amount"),
    ({"transaction_id": None}, "no transaction_id"),
    ({"happened_micros": "yesterday"}, "microseconds"),
    ({"operation": "retraction"}, "takes no corrections"),
    ({"field": "charger"}, "names no conversion 'charger'"),
]


def test_what_is_wrong_is_said_before_sending_and_the_rest_goes_on(there, google):
    wrong = [row(number, **told) for number, (told, _) in enumerate(WRONG, start=10)]
    result = there.sync(row(1), *wrong, row(30))
    assert set(google.events["71"]) == {"c0001", "c0030"}
    assert (result.status, result.accepted, result.rejected) == ("partial", 2, len(WRONG))
    refused = {one["sync_key"]: one for one in there.ledger("sync_rejects")}
    for number, (_, words) in enumerate(WRONG, start=10):
        one = refused[f"u{number:04}"]
        assert one["reason"] == "not sent"
        assert words in one["problem"]
    assert "someone@maru.example" not in json.dumps([*refused.values()], default=str)


def test_a_row_that_is_no_report_is_rejected(there, google):
    there.sync(row(1), ("u2", "test_drive", "true"), ("u3", "test_drive", '{"value": 3}'))
    assert {one["sync_key"] for one in there.ledger("sync_rejects")} == {"u2", "u3"}
    assert set(google.events["71"]) == {"c0001"}


def test_a_conversion_action_of_another_account_costs_no_other_type(there, google):
    google.actions = {"72"}
    result = there.sync(row(1), row(2), row(3, "order"))
    assert (result.accepted, result.rejected) == (1, 2)
    assert set(google.events) == {"72"}
    assert "Not of this account." in there.ledger("sync_rejects")[0]["problem"]


def test_google_without_access_stops_the_run_and_nothing_is_lost(tmp_path, google):
    there = There(tmp_path, google, account_id="1111111111")
    with pytest.raises(DestinationRefused, match="does not have permission"):
        there.sync(row(1))
    assert there.ledger("sync_deliveries") == []


@pytest.mark.parametrize(
    "fault", [{"kind": "drop_after"}, {"kind": "drop_before"}, {"kind": "status", "status": 503}]
)
def test_passing_trouble_tells_no_conversion_twice(there, google, fault):
    google.faults.add(after=1, **fault)
    assert there.sync(*[row(number) for number in range(10)]).status == "succeeded"
    assert len(google.events["71"]) == 10
    assert {status for status, _ in poll(there)} == {"waiting"}
    poll(there)
    assert set(told(there).values()) <= {
        ("accepted", None),
        ("accepted", "DUPLICATE_TRANSACTION_ID"),
    }
    assert there.plan().is_empty


def test_a_run_that_was_stopped_goes_on(there, google):
    google.faults.add("status", status=503, times=None, after=1)
    there.want(*[row(number) for number in range(12)])
    there.plan()
    with pytest.raises(DestinationDown, match="503"):
        there.apply()
    google.faults.clear()
    there.apply()
    assert len(google.events["71"]) == 12


def test_accepted_is_not_applied_and_what_google_passes_over_is_said_by_conversion(there, google):
    google.lost_clicks |= {"Cj0-2"}
    there.sync(*[row(number) for number in range(4)], row(5, days_ago=200), row(6))
    assert poll(there) == [("waiting", None)] * 2
    assert poll(there) == [("partial", "CLICK_NOT_FOUND: 1"), ("partial", "EVENT_TOO_OLD: 1")]
    assert told(there) == {
        **{f"u000{number}": ("accepted", None) for number in (0, 1, 3, 6)},
        "u0002": ("rejected", "CLICK_NOT_FOUND"),
        "u0005": ("rejected", "EVENT_TOO_OLD"),
    }
    assert [one["names_rows"] for one in there.ledger("sync_answers")] == ["true", "true"]
    plan = there.plan()
    assert plan.is_empty, "what was refused for good is told again"
    assert plan.refused == 2


def passed_over(google, reason: str, *places: int, state: str) -> None:
    error = {"reason": f"PROCESSING_ERROR_REASON_{reason}", "recordCount": str(len(places))}
    error["recordIndices"] = list(places)
    status = {"requestStatus": state, "errorInfo": {"errorCounts": [error]}}
    google.states.update(
        {key: [{"requestStatusPerDestination": [status]}] for key in google.states}
    )


def test_what_failed_for_a_reason_that_passes_is_told_again(there, google):
    there.sync(*[row(number) for number in range(3)])
    passed_over(google, "TOO_RECENT_CLICK", 1, state="PARTIAL_SUCCESS")
    assert poll(there) == [("partial", "TOO_RECENT_CLICK: 1")]
    del google.events["71"]["c0001"]
    plan = there.plan()
    assert plan.total.added == 1
    there.apply()
    assert set(google.events["71"]) == {"c0000", "c0001", "c0002"}
    assert there.plan().is_empty


def test_what_google_refuses_is_found_by_its_place_among_those_that_were_sent(there, google):
    """A row that was not sent moves the places of those behind it."""
    there.sync(row(0, currency=None), row(1), row(2))
    passed_over(google, "CLICK_NOT_FOUND", 1, state="PARTIAL_SUCCESS")
    poll(there)
    assert told(there)["u0001"] == ("accepted", None)
    assert told(there)["u0002"] == ("rejected", "CLICK_NOT_FOUND")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("", "conversions"),
        (", conversions: {}", "conversions"),
        (", conversions: {order: {action_id: seven}}", "digits of a conversion action"),
        (", conversions: {order: {action_id: '1', source: SHOP}}", "source"),
        (f"{TYPES}, wait_days: -1", "wait_days"),
    ],
)
def test_a_sync_that_does_not_say_what_it_tells_is_refused(tmp_path, google, more, words):
    there = There(tmp_path, google, more=more)
    with pytest.raises(SpecError) as error:
        load_specs(there.settings.project_dir)
    assert words in str(error.value)


@pytest.fixture
def correcting(tmp_path, google, monkeypatch):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    more = f"{TYPES}, adjustments: true"
    return There(tmp_path, google, more, events_per_request=4, ads_url=google.url)


def back(number: int, of: int, operation: str = "retraction", **told) -> tuple:
    return row(number, operation=operation, transaction_id=f"c{of:04}", **told)


def test_what_is_taken_back_or_worth_less_is_corrected_once(correcting, google):
    correcting.sync(row(1), row(2), row(3, "order"))
    less = back(12, 2, "restatement", value="80")
    result = correcting.sync(back(11, 1), less, row(13), back(14, 3, field="order"))
    assert (result.status, result.accepted) == ("succeeded", 4)
    told = {key: one["adjustmentType"] for key, one in google.adjusted.items()}
    assert told == {"c0001": "RETRACTION", "c0002": "RESTATEMENT", "c0003": "RETRACTION"}
    assert google.adjusted["c0002"]["restatementValue"] == {
        "adjustedValue": 80,
        "currencyCode": "KRW",
    }
    assert google.adjusted["c0003"]["conversionAction"].endswith("/conversionActions/72")
    assert set(google.events["71"]) == {"c0001", "c0002", "c0013"}
    assert correcting.plan().is_empty, "a correction is told again"
    assert poll(correcting) == [("waiting", None)] * 3, "a correction is asked for"
    poll(correcting)
    still_less = back(15, 2, "restatement", value="50")
    correcting.sync(less, still_less)
    assert google.adjusted["c0002"]["restatementValue"]["adjustedValue"] == 50


def test_what_google_does_not_correct_is_rejected_by_itself(correcting, google):
    correcting.sync(row(1), row(2), row(3))
    google.events["71"]["c0003"]["eventTimestamp"] = "2020-01-01T00:00:00Z"
    google.adjusted["c0002"] = {"adjustmentType": "RETRACTION"}
    wrong = back(14, 1, "refund"), back(15, 1, "restatement", value=None, currency=None)
    result = correcting.sync(back(10, 1), back(11, 2), back(12, 3), back(13, 99), *wrong)
    assert (result.accepted, result.rejected) == (2, 4)
    problems = {one["sync_key"]: one["problem"] for one in correcting.ledger("sync_rejects")}
    assert "CONVERSION_EXPIRED" in problems["u0012"]
    assert "CONVERSION_NOT_FOUND" in problems["u0013"]
    assert "neither conversion, restatement nor retraction" in problems["u0014"]
    assert "no value" in problems["u0015"]
    assert google.adjusted["c0001"]["adjustmentType"] == "RETRACTION"


@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "status", "status": 503}])
def test_a_correction_without_an_answer_is_told_again_which_changes_nothing(
    correcting, google, fault
):
    correcting.sync(row(1), row(2))
    google.faults.add(keys=("adjustments",), **fault)
    result = correcting.sync(back(11, 1), back(12, 2))
    assert (result.status, result.accepted) == ("succeeded", 2)
    assert set(google.adjusted) == {"c0001", "c0002"}


def test_a_developer_token_that_is_not_let_in_stops_the_run_and_the_doctor_says_it(
    correcting, google
):
    def looks() -> dict[str, tuple[str, str]]:
        found = doctor_destinations.ask(correcting.settings)
        return {one.name.split()[-1]: (one.status, one.detail) for one in found}

    assert looks()["adjustments"][0] == "ok"
    correcting.sync(row(1))
    google.developer_token = "another"
    with pytest.raises(DestinationRefused, match="DEVELOPER_TOKEN_INVALID"):
        correcting.sync(back(11, 1))
    status, detail = looks()["adjustments"]
    assert (status, "DEVELOPER_TOKEN_INVALID" in detail) == ("problem", True)
    google.developer_token = ENVIRON["MADANG_GOOGLE_DEVELOPER_TOKEN"]
    correcting.apply()
    assert set(google.adjusted) == {"c0001"}


def test_an_erasure_says_that_google_keeps_what_it_was_told(there):
    assert keeping(there.settings) == {"google": {"conversions"}}
