"""Members of custom audiences at a local Meta, over HTTP, from rows to receipts."""

import logging

import pytest

from madang.errors import ConfigError
from madang.sandbox.meta import MetaSandbox
from madang.sync import DestinationDown, DestinationRefused
from madang.sync.destinations.meta.destination import MetaSettings
from member_rows import key, on
from sync_place import Place

TOKEN = "sandbox-token"


class There(Place):
    """A workspace whose one sync goes to the local Meta."""

    def __init__(self, root, meta: MetaSandbox, **keys) -> None:
        settings = MetaSettings(**{"url": meta.url, "ad_account_id": meta.account, **keys})
        names = {"name": "custom_audiences", "key": "match_key"}
        super().__init__(root, "meta", settings, {"MADANG_META_TOKEN": TOKEN}, **names)


@pytest.fixture
def meta():
    with MetaSandbox(token=TOKEN) as sandbox:
        yield sandbox


@pytest.fixture
def there(tmp_path, meta):
    return There(tmp_path, meta, members_per_request=4)


def test_audiences_hold_exactly_who_is_wanted_and_are_made_once(there, meta):
    there.sync(*on(*range(10)), *on(1, 2, field="vips"), (key(7, "phone"), "vips", "true"))
    assert meta.on("madang_buyers") == {key(number) for number in range(10)}
    assert meta.on("madang_vips") == {key(1), key(2), key(7, "phone")}
    result = there.sync(*on(*range(3, 12)), *on(1, field="vips"))
    assert meta.on("madang_buyers") == {key(number) for number in range(3, 12)}
    assert meta.on("madang_vips") == {key(1)}
    assert len(meta.audiences) == 2
    assert (result.status, result.accepted) == ("succeeded", 2 + 3 + 2)


def test_an_audience_on_a_later_page_is_found(there, meta):
    for number in range(5):
        meta.audiences[str(100 + number)], meta.members[str(100 + number)] = (
            f"other {number}",
            set(),
        )
    meta.audiences["200"], meta.members["200"] = "madang_buyers", set()
    there.sync(*on(1))
    assert meta.on("madang_buyers") == {key(1)}
    assert len(meta.audiences) == 6


def test_who_takes_a_consent_back_is_removed_by_the_next_run(there, meta):
    there.sync(*on(1, 2, 3))
    there.sync(*on(1, 2), (key(3), "buyers", "true", "withdrawn"))
    assert meta.on("madang_buyers") == {key(1), key(2)}


@pytest.mark.parametrize("bad", [{2}, {0, 7}, {3, 4, 5}])
def test_members_that_meta_only_counts_as_invalid_are_found_by_halving(there, meta, bad):
    meta.invalid |= {key(number).partition(":")[2] for number in bad}
    result = there.sync(*on(*range(8)))
    assert meta.on("madang_buyers") == {key(number) for number in range(8) if number not in bad}
    assert (result.status, result.accepted, result.rejected) == ("partial", 8 - len(bad), len(bad))
    assert {row["sync_key"] for row in there.ledger("sync_rejects")} == {key(n) for n in bad}


def test_who_was_taken_before_the_token_was_lost_can_be_removed(there, meta):
    """Meta takes the good members beside an invalid one, and does not say which they are."""
    meta.invalid.add(key(3).partition(":")[2])
    meta.faults.add("error_in_200", status=190, keys=("users",), after=1)
    assert there.sync(*on(*range(4))).unknown == 4
    assert meta.on("madang_buyers") == {key(0), key(1), key(2)}
    there.sync()
    assert meta.on("madang_buyers") == set()


def test_ten_invalid_members_in_a_row_stop_no_run_that_took_others(tmp_path, meta):
    there = There(tmp_path, meta)
    meta.invalid |= {key(number).partition(":")[2] for number in range(12)}
    result = there.sync(*on(*range(13)))
    assert (result.accepted, result.rejected) == (1, 12)
    assert meta.on("madang_buyers") == {key(12)}


def test_when_every_member_is_invalid_the_run_stops(tmp_path, meta):
    there = There(tmp_path, meta)
    meta.invalid |= {key(number).partition(":")[2] for number in range(40)}
    with pytest.raises(DestinationRefused, match="every one of the members"):
        there.sync(*on(*range(40)))
    assert len(meta.log()) < 40


@pytest.mark.parametrize("bad", ["email:someone@maru.example", "email:" + "A" * 64, "x"])
def test_what_is_no_hash_never_leaves_as_it_is(there, meta, bad):
    result = there.sync(*on(1), (bad, "buyers", "true"))
    assert meta.on("madang_buyers") == {key(1)}
    assert (result.accepted, result.rejected) == (1, 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_after"},
        {"kind": "drop_before"},
        {"kind": "status", "status": 503},
        {"kind": "transient"},
        {"kind": "rate_limit"},
    ],
)
@pytest.mark.parametrize("after", [0, 1, 2])
def test_passing_trouble_costs_no_member(there, meta, fault, after):
    meta.faults.add(after=after, **fault)
    assert there.sync(*on(*range(10))).status == "succeeded"
    assert meta.on("madang_buyers") == {key(number) for number in range(10)}
    assert len(meta.audiences) == 1, "an audience was made twice"


def test_a_run_that_was_stopped_goes_on(there, meta):
    meta.faults.add("transient", times=None, after=3)
    there.want(*on(*range(12)))
    there.plan()
    with pytest.raises(DestinationDown, match="Meta is down"):
        there.apply()
    meta.faults.clear()
    there.apply()
    assert meta.on("madang_buyers") == {key(number) for number in range(12)}


def test_a_wrong_token_is_told_without_it(there, meta, caplog):
    caplog.set_level(logging.DEBUG)
    there.environ = {"MADANG_META_TOKEN": "EAAB-not-the-token"}
    with pytest.raises(DestinationRefused, match="OAuth access token") as error:
        there.sync(*on(1))
    assert "not-the-token" not in f"{error.value} {caplog.text} {meta.log()}"


def test_a_version_that_is_gone_and_another_account_are_told(tmp_path, meta):
    with pytest.raises(DestinationRefused, match="deprecated"):
        There(tmp_path / "a", meta, api_version="12.0").sync(*on(1))
    with pytest.raises(DestinationRefused, match="permissions are missing"):
        There(tmp_path / "b", meta, ad_account_id="5555555555").sync(*on(1))


def test_an_audience_that_is_none_of_ours_or_blocked_costs_its_own_members_alone(there, meta):
    there.sync(*on(1, field="looks_alike"), *on(2, field="loans"), *on(3, field="twice"))
    ids = {name: number for number, name in meta.audiences.items()}
    meta.told[ids["madang_looks_alike"]] = {"subtype": "LOOKALIKE"}
    meta.told[ids["madang_loans"]] = {"operation_status": {"code": 471, "description": "Flagged"}}
    meta.audiences["7"], meta.members["7"] = "madang_twice", set()
    rows = [row for name in ("looks_alike", "loans", "twice", "vips") for row in on(9, field=name)]
    result = there.sync(*rows)
    assert meta.on("madang_vips") == {key(9)}
    assert all(key(9) not in meta.on(name) for name in ids)
    assert (result.status, result.accepted) == ("partial", 1)
    told = " ".join(sorted({row["problem"] for row in there.ledger("sync_rejects")}))
    assert "is no customer list" in told
    assert "for what its name suggests" in told
    assert "2 audiences called madang_twice" in told


def test_an_audience_that_meta_blocks_when_it_gets_members_is_left_alone(there, meta):
    there.sync(*on(1, field="loans"))
    meta.blocked.update(meta.audiences)
    result = there.sync(*on(1, *range(10, 22), field="loans"), *on(2, field="vips"))
    assert (result.accepted, result.rejected, meta.on("madang_vips")) == (1, 12, {key(2)})
    asked = [one for one in meta.log() if one["path"].endswith("/users")]
    assert [one["status"] for one in asked] == [200, 400, 200], "it was asked more than once"


def test_who_was_on_an_audience_that_was_deleted_there_is_added_again(there, meta):
    there.sync(*on(*range(6)))
    meta.audiences.clear()
    assert there.sync(*on(*range(1, 7))).gone == {"buyers": 6}
    there.apply(plan_id=there.plan().plan_id)
    assert meta.on("madang_buyers") == {key(number) for number in range(1, 7)}
    assert there.plan().is_empty


def test_without_a_token_nothing_is_asked(there, meta):
    there.environ = {}
    with pytest.raises(ConfigError, match="MADANG_META_TOKEN"):
        there.sync(*on(1))
    assert meta.log() == []


def test_about_how_many_people_meta_counts_is_kept_before_the_next_run_sends(tmp_path, meta):
    there = There(tmp_path, meta)
    there.sync(*on(*range(120)), *on(1, field="vips"))
    assert there.ledger("sync_answers") == [], "nothing was there to be counted"
    there.sync(*on(*range(121)), *on(1, field="vips"))
    (counted,) = there.ledger("sync_answers")  # of the small one Meta says nothing
    assert (counted["sync"], counted["audience"]) == ("one_sync", "buyers")
    assert (counted["people_low"], counted["people_high"]) == (100, 200)
