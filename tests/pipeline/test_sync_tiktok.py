"""Members and verified conversions at a local TikTok, over HTTP, from rows to receipts."""

import json
import logging

import pytest

from conversion_rows import hashed, row
from madang.errors import ConfigError
from madang.sandbox.tiktok import TikTokSandbox
from madang.sync import DestinationDown, DestinationRefused, DestinationUnclear
from madang.sync.destinations.registry import open_by_name
from madang.sync.destinations.tiktok.destination import TikTokSettings
from madang.sync.spec import load_specs
from member_rows import key, on
from sync_place import Place

TOKEN = "sandbox-token"
WEB = "{name: CompletePayment, event_source: web}"
TYPES = f", conversions: {{order: {WEB}, test_drive: {{name: Schedule}}}}"
CLICK = {"click_id_name": "ttclid", "click_id": "E.C.P.1"}


def told(*numbers: int, **values) -> list[tuple]:
    return [row(number, **{**CLICK, **values}) for number in numbers]


class There(Place):
    """A workspace whose one sync goes to the local TikTok."""

    def __init__(self, root, tiktok: TikTokSandbox, sends: str, **keys) -> None:
        own = {"url": tiktok.url, "advertiser_id": tiktok.advertiser, **keys}
        own = {"event_set_id": tiktok.sources["offline"], **own}
        names = {"name": "custom_audiences", "key": "match_key"}
        if sends == "conversions":
            own = {"pixel_code": tiktok.sources["web"], **own}
            names = {"name": "conversions", "key": "upload_key", "more": TYPES}
        environ = {"MADANG_TIKTOK_TOKEN": TOKEN}
        super().__init__(root, "tiktok", TikTokSettings(**own), environ, **names)


@pytest.fixture
def tiktok():
    with TikTokSandbox(token=TOKEN) as sandbox:
        yield sandbox


@pytest.fixture
def lists(tmp_path, tiktok):
    return There(tmp_path, tiktok, "members", members_per_request=4)


@pytest.fixture
def there(tmp_path, tiktok):
    return There(tmp_path, tiktok, "conversions", events_per_request=4)


def test_audiences_hold_exactly_who_is_wanted_and_are_made_once(lists, tiktok):
    for number in range(5):  # those of others fill the pages before
        tiktok.audiences[f"1{number}"], tiktok.members[f"1{number}"] = f"other {number}", set()
    lists.sync(*on(*range(10)), *on(1, 2, field="vips"), (key(7, "phone"), "vips", "true"))
    assert tiktok.on("madang_buyers") == {key(number) for number in range(10)}
    assert tiktok.on("madang_vips") == {key(1), key(2), key(7, "phone")}
    result = lists.sync(*on(*range(3, 12)), (key(1), "vips", "true", "withdrawn"))
    assert tiktok.on("madang_buyers") == {key(number) for number in range(3, 12)}
    assert tiktok.on("madang_vips") == set(), "a withdrawal is not through after one run"
    assert len(tiktok.audiences) == 5 + 2
    assert (result.status, result.accepted) == ("succeeded", 2 + 3 + 3)


def test_a_list_that_was_deleted_is_filled_again_and_one_of_two_costs_its_own(lists, tiktok):
    lists.sync(*on(1, 2), *on(3, field="vips"))
    for number in [one for one, name in tiktok.audiences.items() if name == "madang_buyers"]:
        del tiktok.audiences[number], tiktok.members[number]
    tiktok.audiences["55"], tiktok.members["55"] = "madang_vips", set()
    result = lists.sync(*on(1, 2, 4), *on(3, 5, field="vips"))
    assert (result.gone, result.accepted, result.rejected) == ({"buyers": 2}, 1, 1)
    (refused,) = lists.ledger("sync_rejects")
    assert (refused["field"], refused["reason"]) == ("vips", "list refused")
    lists.sync(*on(1, 2, 4), *on(3, field="vips"))
    assert tiktok.on("madang_buyers") == {key(number) for number in (1, 2, 4)}


def test_a_list_under_the_least_size_is_told_before_and_goes_nevertheless(lists, tiktok):
    lists.want(*on(*range(3)))
    plan = lists.plan()
    assert (plan.status, len(plan.notices)) == ("planned", 1)
    assert "'buyers' will have 3 match keys; with fewer than 1,000" in plan.notices[0]
    lists.apply()
    assert len(tiktok.on("madang_buyers")) == 3


@pytest.mark.parametrize("bad", [{2}, {0, 7}])
@pytest.mark.parametrize("how", ["refused", "partly"])
def test_members_that_tiktok_does_not_take_are_found_by_halving(lists, tiktok, bad, how):
    getattr(tiktok, how).update(key(number).partition(":")[2] for number in bad)
    result = lists.sync(*on(*range(8)), ("email:minji@maru.example", "buyers", "true"))
    assert tiktok.on("madang_buyers") == {key(number) for number in range(8) if number not in bad}
    assert result.accepted == 8 - len(bad)
    counted = (result.rejected, result.unknown)
    assert counted == ((1, len(bad)) if how == "partly" else (1 + len(bad), 0))
    written = json.dumps(lists.ledger("sync_rejects"), default=str)
    assert "no SHA-256 hash" in written
    assert ("40002" in written) == (how == "refused")


FAULTS = [
    {"kind": "drop_after"},
    {"kind": "drop_before"},
    {"kind": "status", "status": 503},
    {"kind": "transient"},
    {"kind": "rate_limit"},
]


@pytest.mark.parametrize("fault", FAULTS)
def test_passing_trouble_costs_no_member_and_no_conversion(tmp_path, tiktok, fault):
    lists = There(tmp_path / "a", tiktok, "members", members_per_request=4)
    for after in (0, 1):
        tiktok.faults.add(after=after, **fault)
    assert lists.sync(*on(*range(10))).status == "succeeded"
    assert tiktok.on("madang_buyers") == {key(number) for number in range(10)}
    assert len(tiktok.audiences) == 1, "an audience was made twice"
    there = There(tmp_path / "b", tiktok, "conversions", events_per_request=4)
    tiktok.faults.add(after=1, **fault)
    assert there.sync(*told(*range(10))).status == "succeeded"
    assert len(tiktok.events) == 10


def test_a_run_that_was_stopped_goes_on(lists, tiktok):
    tiktok.faults.add("transient", times=None, after=3)
    lists.want(*on(*range(12)))
    lists.plan()
    with pytest.raises(DestinationDown, match="TikTok is down"):
        lists.apply()
    tiktok.faults.clear()
    lists.apply()
    assert tiktok.on("madang_buyers") == {key(number) for number in range(12)}


def test_each_conversion_is_told_once_where_it_happened(there, tiktok):
    web = row(9, field="order", **CLICK, value=None, match_keys=None)
    assert there.sync(*told(*range(6)), web).accepted == 7
    one = tiktok.events["u0003"]
    assert (one["event"], one["event_source"]) == ("Schedule", "offline")
    assert one["properties"] == {"order_id": "c0003", "value": 150.5, "currency": "KRW"}
    user = {"email": [hashed("e3")], "phone": [hashed("p3")], "ttclid": "E.C.P.1"}
    assert one["user"] == user
    assert tiktok.events["u0009"]["event_source"] == "web"
    assert tiktok.events["u0009"]["user"] == {"ttclid": "E.C.P.1"}
    there.want(*told(1, 2, 3, value="1"))
    assert there.plan().is_empty, "a conversion that was told is told again, or changed"


def test_what_tiktok_would_refuse_whole_is_not_sent_and_the_rest_goes_on(there, tiktok):
    wrong = {
        "u0001": (told(1, days_ago=29), "older than 28 days"),
        "u0002": (told(2, match_keys=None), "what happened offline"),
        "u0003": (told(3, currency=None), "a value and no currency"),
        "u0004": (told(4, click_id_name="gclid"), "not one of TikTok's (ttclid)"),
        "u0005": (told(5, operation="retraction"), "takes no corrections"),
        "u0006": (told(6, click_id=None, click_id_name=None, match_keys=None), "neither a click"),
        "u0007": (told(7, field="charger"), "names no conversion 'charger'"),
        "u0008": (told(8, days_ago=-1), "in the future"),
    }
    good = told(10, 11, days_ago=27)
    result = there.sync(*good, *[one for listed, _ in wrong.values() for one in listed])
    assert set(tiktok.events) == {"u0010", "u0011"}
    assert (result.accepted, result.rejected) == (2, len(wrong))
    refused = {one["sync_key"]: one["problem"] for one in there.ledger("sync_rejects")}
    assert refused.keys() == wrong.keys()
    for one, (_, words) in wrong.items():
        assert words in refused[one]
    seen = [one["objects"] for one in tiktok.log()]
    assert (sum(seen), 0 in seen) == (2, False), "TikTok saw what it refuses"


@pytest.mark.parametrize("how", ["refused", "partly"])
def test_events_that_tiktok_does_not_take_are_found_by_halving(there, tiktok, how):
    getattr(tiktok, how).update({"u0000", "u0007"})
    result = there.sync(*told(*range(8)))
    assert set(tiktok.events) == {f"u{number:04}" for number in range(1, 7)}
    assert (result.accepted, result.rejected + result.unknown) == (6, 2)
    assert hashed("e0") not in json.dumps(there.ledger("sync_rejects"), default=str)


def test_what_has_no_answer_at_the_end_of_a_run_is_never_sent_again(there, tiktok):
    there.want(*told(*range(10)))
    there.plan()
    tiktok.faults.add("status", status=503, times=None, after=1)
    with pytest.raises(DestinationDown, match="503"):
        there.apply()
    tiktok.faults.clear()
    there.apply()
    assert set(tiktok.events) == {f"u{number:04}" for number in range(10) if not 4 <= number < 8}
    plan = there.plan()
    assert (plan.is_empty, plan.unknown) == (True, 4)


def test_a_token_that_loses_its_scope_in_the_middle_tells_nothing_twice(there, tiktok):
    """A half of the batch was taken: what is left is rejected, and goes with the next plan."""
    tiktok.refused.add("u0003")
    tiktok.faults.add("error_in_200", status=40001, after=2)  # whole, first half, then
    result = there.sync(*told(*range(4)))
    assert (result.accepted, result.rejected) == (2, 2)
    tiktok.refused.clear()
    tiktok.scopes.remove("events")
    with pytest.raises(DestinationRefused, match="code 40001") as error:
        there.sync(*told(*range(4)))
    assert "scopes" in error.value.fix
    tiktok.scopes.add("events")
    assert there.sync(*told(*range(4))).accepted == 2


@pytest.mark.parametrize(("after", "taken"), [(1, 0), (2, 2)])
def test_what_may_have_been_taken_in_part_is_not_told_again_by_a_later_plan(
    there, tiktok, after, taken
):
    """TikTok knows doubles for 48 hours, and the next plan may come later."""
    tiktok.partly.add("u0003")
    tiktok.faults.add("error_in_200", status=40001, after=after)
    result = there.sync(*told(*range(4)))
    assert (result.accepted, result.unknown, result.rejected) == (taken, 4 - taken, 0)
    seen = len(tiktok.log())
    there.want(*told(*range(4)))
    plan = there.plan()
    assert (plan.is_empty, plan.unknown, len(tiktok.log())) == (True, 4 - taken, seen)


def test_a_member_that_was_perhaps_taken_in_part_is_removed_when_it_leaves(tmp_path, tiktok):
    there = There(tmp_path, tiktok, "members")
    tiktok.partly.add(key(3).partition(":")[2])
    tiktok.faults.add("error_in_200", status=40001, after=1, keys=("mapping",))
    assert there.sync(*on(*range(4))).unknown == 4
    assert tiktok.on("madang_buyers") == {key(0), key(1), key(2)}
    there.sync()
    assert tiktok.on("madang_buyers") == set()


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, {"code": "0", "message": "OK"}),
        (200, {"code": False, "message": "OK"}),
        (200, [0]),
        (404, {"code": 0, "message": "not found"}),
    ],
)
def test_what_only_looks_like_a_yes_is_none(there, tiktok, monkeypatch, status, answer):
    monkeypatch.setattr(
        "madang.sandbox.tiktok._Handler._handle", lambda self: self.answer(status, answer)
    )
    with pytest.raises(DestinationUnclear, match="not as TikTok does"):
        there.sync(*told(1))
    assert there.plan().unknown == 1


def test_test_events_count_nowhere_and_go_again_when_the_code_is_gone(tmp_path, tiktok):
    tested = There(tmp_path, tiktok, "conversions", test_event_code="TEST123")
    result = tested.sync(*told(1, 2))
    assert (len(tiktok.tests), tiktok.events, result.rejected) == (2, {}, 2)
    own = tested.settings.destinations["tiktok"].model_copy(update={"test_event_code": None})
    tested.settings = tested.settings.model_copy(update={"destinations": {"tiktok": own}})
    assert tested.sync(*told(1, 2)).accepted == 2
    assert set(tiktok.events) == {"u0001", "u0002"}


def test_an_answer_without_a_code_is_not_understood(there, tiktok, monkeypatch):
    monkeypatch.setattr(
        "madang.sandbox.tiktok._Handler._handle", lambda self: self.answer(200, {"ok": True})
    )
    with pytest.raises(DestinationUnclear, match="not as TikTok does") as error:
        there.sync(*told(1, 2))
    assert "not sent again" in error.value.fix
    assert there.plan().unknown == 2


def test_a_wrong_token_is_told_without_it_and_never_in_an_address(lists, tiktok, caplog):
    caplog.set_level(logging.DEBUG)
    lists.environ = {"MADANG_TIKTOK_TOKEN": "not-the-token-of-this"}
    with pytest.raises(DestinationRefused, match="incorrect or has been revoked") as error:
        lists.sync(*on(1))
    assert "not-the-token" not in f"{error.value} {caplog.text} {tiktok.log()}"
    lists.environ = {}
    with pytest.raises(ConfigError, match="MADANG_TIKTOK_TOKEN"):
        lists.apply(allow_guards=True)


def test_another_advertiser_and_a_source_without_an_id_are_told(tmp_path, tiktok):
    with pytest.raises(DestinationRefused, match="No permission"):
        There(tmp_path / "a", tiktok, "members", advertiser_id="55555").sync(*on(1))
    with pytest.raises(ConfigError, match="pixel_code"):
        There(tmp_path / "b", tiktok, "conversions", pixel_code=None).sync(*told(1))


def test_the_doctor_asks_for_the_login_the_advertiser_and_the_scopes(lists, tiktok, monkeypatch):
    def seen() -> dict[str, str]:
        asked = open_by_name("tiktok", lists.settings, environ=lists.environ)
        syncs = load_specs(lists.settings.project_dir)
        return {one.name: one.status for one in asked.look(syncs)}

    assert seen() == {"login": "ok", "advertiser": "ok", "audiences": "ok"}
    tiktok.scopes.remove("audiences")
    assert seen()["audiences"] == "problem"
    tiktok.advertiser = "55555"
    assert seen()["advertiser"] == "problem"
