"""Members and verified conversions at a local OpenAI, over HTTP, from rows to receipts."""

import json
import logging

import pytest

from conversion_rows import hashed, row
from madang.errors import ConfigError
from madang.sandbox.openai import OpenAISandbox
from madang.sync import DestinationDown, DestinationRefused, DestinationUnclear
from madang.sync.destinations.openai.destination import OpenAISettings
from madang.sync.destinations.registry import open_by_name
from madang.sync.later import ask
from madang.sync.spec import load_specs
from member_rows import key, on
from sync_place import Place

KEYS = {"MADANG_OPENAI_ADS_KEY": "sandbox-key"}
KEYS |= {"MADANG_OPENAI_CONVERSIONS_KEY": "sandbox-conversions-key"}
DRIVE = "{type: appointment_scheduled, action_source: physical_store}"
ORDER = "{type: custom, custom_event_name: paid_order, action_source: other}"
TYPES = f", conversions: {{order: {ORDER}, test_drive: {DRIVE}}}"
CLICK = {"click_id_name": "oppref", "click_id": "oppref_1"}


def told(*numbers: int, **values) -> list[tuple]:
    return [row(number, **{**CLICK, **values}) for number in numbers]


class There(Place):
    """A workspace whose one sync goes to the local OpenAI."""

    def __init__(self, root, openai: OpenAISandbox, sends: str, **keys) -> None:
        own = {"url": openai.url, "events_url": openai.url, "operation_minutes": 0.05, **keys}
        names = {"name": "custom_audiences", "key": "match_key"}
        if sends == "conversions":
            own = {"pixel_id": openai.pixel, **own}
            names = {"name": "conversions", "key": "upload_key", "more": TYPES}
        super().__init__(root, "openai", OpenAISettings(**own), KEYS, **names)


@pytest.fixture
def openai():
    with OpenAISandbox() as sandbox:
        yield sandbox


@pytest.fixture
def lists(tmp_path, openai):
    return There(tmp_path, openai, "members", members_per_request=4)


@pytest.fixture
def there(tmp_path, openai):
    return There(tmp_path, openai, "conversions", events_per_request=4)


def poll_all(place, monkeypatch) -> list[str]:
    """Ask what became of all changes, as `madang sync --poll` does."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    return sorted(one.status for one in ask(place.settings, place.warehouse))


def test_audiences_hold_exactly_who_is_wanted_one_change_after_the_other(
    lists, openai, monkeypatch
):
    for number in range(5):  # those of others fill the pages before
        of_others = {"id": f"caud_9{number}", "name": f"other {number}", "status": "ready"}
        openai.audiences[f"caud_9{number}"], openai.members[f"caud_9{number}"] = of_others, set()
    openai.looks = 1  # a change is at work when it is asked about first
    lists.sync(*on(*range(10)), *on(1, 2, field="vips"), (key(7, "phone"), "vips", "true"))
    assert poll_all(lists, monkeypatch) != []
    assert {*poll_all(lists, monkeypatch)} <= {"applied"}
    assert openai.on("madang_buyers") == {key(number) for number in range(10)}
    assert openai.on("madang_vips") == {key(1), key(2), key(7, "phone")}
    openai.looks = 0
    result = lists.sync(*on(*range(3, 12)), (key(1), "vips", "true", "withdrawn"))
    assert {*poll_all(lists, monkeypatch)} == {"applied"}
    assert openai.on("madang_buyers") == {key(number) for number in range(3, 12)}
    assert openai.on("madang_vips") == set(), "a withdrawal is not through after one run"
    assert len(openai.audiences) == 5 + 2
    assert (result.status, result.accepted) == ("succeeded", 2 + 3 + 3)


def test_an_audience_that_was_archived_is_made_anew_and_a_broken_one_costs_its_own(
    lists, openai, monkeypatch
):
    lists.sync(*on(1, 2), *on(3, field="vips"))
    by_name = {one["name"]: one for one in openai.audiences.values()}
    by_name["madang_buyers"]["status"] = "archived"
    by_name["madang_vips"]["status"] = "failed"
    result = lists.sync(*on(1, 2, 4), *on(3, 5, field="vips"))
    assert (result.gone, result.accepted, result.rejected) == ({"buyers": 2}, 1, 1)
    lists.sync(*on(1, 2, 4), *on(3, field="vips"))
    poll_all(lists, monkeypatch)
    made = [one["id"] for one in openai.audiences.values() if one["name"] == "madang_buyers"]
    assert openai.members[made[-1]] == {key(number) for number in (1, 2, 4)}


def test_an_audience_that_only_excludes_is_told_before_and_goes_nevertheless(lists):
    lists.want(*on(*range(3)))
    plan = lists.plan()
    assert (plan.status, len(plan.notices)) == ("planned", 1)
    assert "with fewer than 25,000" in plan.notices[0]
    assert "only excludes" in plan.notices[0]


@pytest.mark.parametrize("bad", [{2}, {0, 7}, {3, 4, 5}])
def test_members_that_openai_names_are_rejected_and_the_rest_goes_on(lists, openai, bad):
    openai.refused |= {key(number).partition(":")[2] for number in bad}
    result = lists.sync(*on(*range(8)), ("email:minji@maru.example", "buyers", "true"))
    assert (result.accepted, result.rejected) == (8 - len(bad), len(bad) + 1)
    problems = {one["sync_key"]: one["problem"] for one in lists.ledger("sync_rejects")}
    assert problems.keys() == {*(key(number) for number in bad), "email:minji@maru.example"}
    assert key(min(bad)).partition(":")[2] not in json.dumps(list(problems.values()))


FAULTS = [{"kind": "drop_after"}, {"kind": "drop_before"}, {"kind": "status", "status": 503}]
FAULTS += [{"kind": "rate_limit"}]


@pytest.mark.parametrize("fault", FAULTS)
def test_passing_trouble_makes_no_change_twice(tmp_path, openai, fault):
    lists = There(tmp_path / "a", openai, "members", members_per_request=4)
    openai.faults.add(keys=("add",), **fault)
    openai.faults.add(keys=("custom_audiences",), after=1, **fault)
    assert lists.sync(*on(*range(8))).status == "succeeded"
    assert [len(one["keys"]) for one in openai.operations.values()] == [4, 4]
    assert len(openai.audiences) == 1, "an audience was made twice"
    there = There(tmp_path / "b", openai, "conversions", events_per_request=4)
    openai.faults.add(after=1, **fault)
    assert there.sync(*told(*range(10))).status == "succeeded"
    assert len(openai.events) == 10


def test_a_stopped_run_goes_on_with_the_request_that_openai_knows(lists, openai, monkeypatch):
    """The answer of the second change is lost for good; the same plan sends it under one key."""
    openai.faults.add("drop_after", keys=("add",), times=None, after=1)
    lists.want(*on(*range(12)))
    lists.plan()
    with pytest.raises(DestinationDown, match="OpenAI is down"):
        lists.apply()
    openai.faults.clear()
    lists.apply()
    assert [len(one["keys"]) for one in openai.operations.values()] == [4, 4, 4]
    poll_all(lists, monkeypatch)
    assert openai.on("madang_buyers") == {key(number) for number in range(12)}


def test_an_interrupted_change_is_resumed_and_one_that_failed_is_sent_again(
    lists, openai, monkeypatch
):
    lists.sync(*on(1, 2))
    openai.interrupted.add("caudop_1")
    assert poll_all(lists, monkeypatch) == ["waiting"]
    assert poll_all(lists, monkeypatch) == ["applied"]
    lists.sync(*on(1, 2, 3))
    openai.operations["caudop_2"]["status"] = "failed"
    assert poll_all(lists, monkeypatch) == ["failed"]
    assert not lists.plan().is_empty, "what failed is not planned again"


def test_a_change_that_does_not_end_stops_the_next_one(lists, openai):
    openai.looks = 1000
    with pytest.raises(DestinationRefused, match="still at work"):
        lists.sync(*on(*range(8)))
    assert len(openai.operations) == 1


def test_each_conversion_is_told_once_in_the_smallest_unit_of_its_currency(there, openai):
    wanted = [*told(*range(4)), *told(8, value="12.345", currency="USD")]
    wanted += told(9, field="order", value=None, match_keys=None)
    assert there.sync(*wanted).accepted == 6
    one = openai.events["u0003"]
    assert (one["type"], one["action_source"]) == ("appointment_scheduled", "physical_store")
    assert one["data"] == {"type": "customer_action", "amount": 150, "currency": "KRW"}
    assert one["user"]["emails_sha256"] == [hashed("e3")]
    assert one["user"]["phone_numbers_sha256"] == [hashed("p3")]
    assert one["oppref"] == "oppref_1"
    assert openai.events["u0008"]["data"]["amount"] == 1234  # halves go to the even one
    assert openai.events["u0009"]["custom_event_name"] == "paid_order"
    there.want(*told(1, 2, 3, value="1"))
    assert there.plan().is_empty, "a conversion that was told is told again, or changed"


def test_what_openai_would_refuse_whole_is_not_sent_and_the_rest_goes_on(there, openai):
    wrong = {
        "u0001": (told(1, days_ago=8), "older than 7 days"),
        "u0003": (told(3, currency=None), "a value and no currency"),
        "u0004": (told(4, click_id_name="ttclid"), "not one of OpenAI's (oppref)"),
        "u0005": (told(5, operation="retraction"), "takes no corrections"),
        "u0006": (told(6, click_id=None, click_id_name=None, match_keys=None), "neither a click"),
        "u0007": (told(7, field="charger"), "names no conversion 'charger'"),
        "u0008": (told(8, days_ago=-1), "in the future"),
    }
    result = there.sync(*told(10), *[one for listed, _ in wrong.values() for one in listed])
    assert set(openai.events) == {"u0010"}
    assert (result.accepted, result.rejected) == (1, len(wrong))
    refused = {one["sync_key"]: one["problem"] for one in there.ledger("sync_rejects")}
    for one, (_, words) in wrong.items():
        assert words in refused[one]
    assert [one["status"] for one in openai.log()] == [200], "OpenAI saw what it refuses"


def test_events_that_openai_names_are_rejected_by_row(there, openai):
    openai.refused |= {"u0000", "u0007"}
    result = there.sync(*told(*range(8)))
    assert set(openai.events) == {f"u{number:04}" for number in range(1, 7)}
    assert (result.accepted, result.rejected) == (6, 2)
    written = json.dumps(there.ledger("sync_rejects"), default=str)
    assert "invalid_user" in written
    assert hashed("e0") not in written


def test_what_has_no_answer_at_the_end_of_a_run_is_never_sent_again(there, openai):
    there.want(*told(*range(10)))
    there.plan()
    openai.faults.add("status", status=503, times=None, after=1)
    with pytest.raises(DestinationDown, match="503"):
        there.apply()
    openai.faults.clear()
    there.apply()
    assert set(openai.events) == {f"u{number:04}" for number in range(10) if not 4 <= number < 8}
    plan = there.plan()
    assert (plan.is_empty, plan.unknown) == (True, 4)


def test_a_check_only_counts_nowhere_and_an_error_in_200_is_no_success(tmp_path, openai):
    checked = There(tmp_path / "a", openai, "conversions", validate_only=True)
    result = checked.sync(*told(1, 2))
    assert (openai.checked, openai.events, result.rejected) == (2, {}, 2)
    there = There(tmp_path / "b", openai, "conversions")
    openai.faults.add("error_in_200")
    with pytest.raises(DestinationUnclear, match="not as OpenAI does"):
        there.sync(*told(1))
    assert there.plan().unknown == 1


def test_a_wrong_key_is_told_without_it_and_never_in_an_address(tmp_path, openai, caplog):
    caplog.set_level(logging.DEBUG)
    for sends, rows in (("members", on(1)), ("conversions", told(1))):
        place = There(tmp_path / sends, openai, sends)
        place.environ = dict.fromkeys(KEYS, "not-the-key-of-this")
        with pytest.raises(DestinationRefused, match="Incorrect API key") as error:
            place.sync(*rows)
        assert "not-the-key" not in f"{error.value} {caplog.text} {openai.log()}"
        place.environ = {}
        with pytest.raises(ConfigError, match="MADANG_OPENAI"):
            place.apply(allow_guards=True)


def test_another_pixel_and_none_are_told(tmp_path, openai):
    with pytest.raises(DestinationRefused, match="Pixel not found"):
        There(tmp_path / "a", openai, "conversions", pixel_id="another1").sync(*told(1))
    with pytest.raises(ConfigError, match="pixel_id"):
        There(tmp_path / "b", openai, "conversions", pixel_id=None).sync(*told(1))


def test_the_doctor_asks_whose_key_it_is(lists, openai):
    def seen() -> dict[str, str]:
        asked = open_by_name("openai", lists.settings, environ=lists.environ)
        syncs = load_specs(lists.settings.project_dir)
        return {one.name: one.status for one in asked.look(syncs)}

    assert seen() == {"login": "ok", "audiences": "ok"}
    openai.key = "another"
    assert seen() == {"login": "problem"}
