"""What is said to Braze and how its answers are understood: pure functions, no server."""

import json

import pytest

from madang.http.client import Reply
from madang.sync import DestinationUnclear
from madang.sync.destinations.base import Change, SyncObject
from madang.sync.destinations.braze.answers import judge
from madang.sync.destinations.braze.destination import (
    Braze,
    UserOptions,
    attributes,
    encode,
    field_problem,
    payload,
)
from madang.sync.words import harmless


def one(number=1, key="C1", **values):
    changes = tuple(
        Change(name, None if value is None else json.dumps(value)) for name, value in values.items()
    )
    return SyncObject(number, key, changes)


def reply(status, body):
    content = b"<html>" if body is None else json.dumps(body).encode()
    return Reply(status, content, {})


def named(*indexes):
    return [
        {"type": f"bad {index}", "input_array": "attributes", "index": index} for index in indexes
    ]


def test_an_object_carries_its_id_and_its_values_and_null_for_what_is_removed():
    wanted = one(tier="VIP", orders=3, a=True, gone=None)
    assert attributes(wanted, UserOptions(create_missing=True)) == {
        "external_id": "C1",
        "tier": "VIP",
        "orders": 3,
        "a": True,
        "gone": None,
    }


def test_no_user_is_created_unless_the_sync_says_so():
    assert attributes(one(a=True)) == {
        "external_id": "C1",
        "_update_existing_only": True,
        "a": True,
    }
    assert json.loads(encode(one(a=True))) == attributes(one(a=True))


def test_an_object_that_only_removes_does_not_create_its_user():
    assert attributes(one(gone=None), UserOptions(create_missing=True)) == {
        "external_id": "C1",
        "_update_existing_only": True,
        "gone": None,
    }


def test_a_request_is_one_array_of_attributes():
    objects = [one(1, "C1", name="가나"), one(2, "C2", a=True)]
    body = payload([encode(each) for each in objects])
    assert json.loads(body) == {"attributes": [attributes(each) for each in objects]}
    assert "가나".encode() in body  # not escaped: half the bytes


def test_batches_keep_to_the_number_of_objects_and_the_order():
    batches = list(Braze(None, objects_per_request=50).batches(one(n, f"C{n}") for n in range(120)))
    assert [len(batch.objects) for batch in batches] == [50, 50, 20]
    assert [o.number for batch in batches for o in batch.objects] == list(range(120))


def test_batches_keep_to_four_megabytes_in_bytes_not_characters():
    objects = [one(n, f"C{n}", note="가" * 500_000) for n in range(6)]  # 1.5 MB each
    batches = list(Braze(None).batches(objects))
    assert [len(batch.objects) for batch in batches] == [2, 2, 2]
    assert all(len(payload(batch.encoded)) <= 4_000_000 for batch in batches)


def test_nothing_makes_no_batch():
    assert list(Braze(None).batches([])) == []


def test_success_accepts_everything():
    verdict = judge(reply(201, {"message": "success", "attributes_processed": 3}), 3)
    assert verdict.accepted == [0, 1, 2]


def test_named_errors_inside_a_201_reject_those_objects_only():
    body = {"message": "success", "attributes_processed": 1, "errors": named(0, 2)}
    verdict = judge(reply(201, body), 3)
    assert verdict.accepted == [1]
    assert verdict.rejected == {0: "bad 0", 2: "bad 2"}


@pytest.mark.parametrize(
    "error", ["something is wrong", {"type": "odd"}, {"type": "odd", "index": 9}, {"index": True}]
)
def test_an_error_that_names_nobody_is_never_read_as_success(error):
    verdict = judge(reply(201, {"message": "success", "errors": [error]}), 3)
    assert verdict.accepted == []
    assert verdict.unclear == [0, 1, 2]


def test_fewer_processed_than_sent_is_never_read_as_success():
    verdict = judge(reply(201, {"message": "success", "attributes_processed": 2}), 3)
    assert (verdict.accepted, verdict.unclear) == ([], [0, 1, 2])


def test_a_fatal_answer_that_names_objects_sends_the_others_again():
    verdict = judge(reply(400, {"message": "no", "errors": named(1)}), 3)
    assert (verdict.rejected, verdict.again, verdict.accepted) == ({1: "bad 1"}, [0, 2], [])


def test_a_fatal_answer_that_names_nobody_blames_all():
    assert judge(reply(400, {"message": "Invalid JSON"}), 2).unclear == [0, 1]
    assert judge(reply(413, None), 2).unclear == [0, 1]


@pytest.mark.parametrize("body", [None, {}, {"status": "ok"}])
def test_a_2xx_that_is_not_brazes_is_not_success(body):
    with pytest.raises(DestinationUnclear, match="not as Braze does"):
        judge(reply(200, body), 1)


@pytest.mark.parametrize("message", ["error", "Internal failure", "Success", "queued", "", None, 1])
def test_a_2xx_of_another_message_is_not_success(message):
    with pytest.raises(DestinationUnclear, match="message is not success"):
        judge(reply(201, {"message": message, "attributes_processed": 1}), 1)


@pytest.mark.parametrize("count", [None, "2", "0", 2.0, True, -1, 3, 10**30, [], {}])
def test_a_count_of_objects_that_is_none_is_not_success(count):
    with pytest.raises(DestinationUnclear, match="number of objects"):
        judge(reply(201, {"message": "success", "attributes_processed": count}), 2)


@pytest.mark.parametrize(
    "more",
    [
        {"error": "object 3 was not stored"},
        {"fatal_errors": [["nested"]]},
        {"Errors": {"attributes": [{"index": 0, "type": "bad"}]}},
        {"failed": [0]},
        {"rejected": 2},
        {"success": False},
        {"stored": 0},
        {"status": "error"},
        {"errors": "all is bad"},
        {"errors": [{"index": "0", "type": "x", "input_array": "attributes"}]},
        {"events_processed": 2},
    ],
)
def test_errors_under_any_name_are_never_read_as_success(more):
    verdict = judge(reply(201, {"message": "success", **more}), 2)
    assert (verdict.accepted, verdict.unclear) == ([], [0, 1])


def test_an_error_under_another_name_that_names_an_object_rejects_it():
    verdict = judge(reply(201, {"message": "success", "minor_errors": named(0)}), 2)
    assert (verdict.accepted, verdict.rejected) == ([1], {0: "bad 0"})


@pytest.mark.parametrize(
    "more", [{"errors": []}, {"errors": None}, {"error_count": 0}, {"events_processed": 0}]
)
def test_what_says_that_nothing_failed_is_success(more):
    body = {"message": "success", "attributes_processed": 2, **more}
    assert judge(reply(201, body), 2).accepted == [0, 1]


@pytest.mark.parametrize("field", ["external_id", "braze_id", "$email", "", "x" * 256])
def test_names_that_braze_would_not_store_are_known(field):
    assert field_problem(field)


def test_ordinary_names_pass():
    assert field_problem("flagship_interest") is None


def test_foreign_words_lose_addresses_numbers_and_keys():
    words = harmless(
        "bad  value 'someone@mail.example' +82 10-0123-4567\n"
        "key 11111111-2222-3333-4444-555555555555"
    )
    assert words == "bad value '[address]' [number] key [key]"
    assert len(harmless("x" * 999)) == 200


def test_one_array_of_audiences_adds_and_removes_by_name():
    options = UserOptions(array_attribute="madang_audiences")
    assert attributes(one(new=True, gone=None), options) == {
        "external_id": "C1",
        "_update_existing_only": True,
        "madang_audiences": {"add": ["new"], "remove": ["gone"]},
    }
    assert attributes(one(new=True), options)["madang_audiences"] == {"add": ["new"]}


@pytest.mark.parametrize(
    ("key", "ids"),
    [
        ("C1", {"external_id": "C1"}),
        ("external_id:email:1", {"external_id": "email:1"}),
        ("a:b", {"external_id": "a:b"}),
        ("email:a@maru.example", {"email": "a@maru.example"}),
        ("phone:+8210", {"phone": "+8210"}),
        ("braze_id:b1", {"braze_id": "b1"}),
        (
            "user_alias:crm:x:1",
            {"user_alias": {"alias_label": "crm", "alias_name": "x:1"}},
        ),
    ],
)
def test_a_key_is_an_id_of_its_kind(key, ids):
    assert attributes(one(key=key, a=None)) == {**ids, "_update_existing_only": True, "a": None}


def test_an_alias_makes_a_user_only_where_that_is_said():
    alias = one(key="user_alias:crm:x", a=True)
    assert attributes(alias)["_update_existing_only"] is True
    assert attributes(alias, UserOptions(create_missing=True))["_update_existing_only"] is False


def test_errors_are_read_by_array_and_place():
    body = {
        "message": "success",
        "events_processed": 1,
        "purchases_processed": 1,
        "errors": [{"type": "bad", "input_array": "purchases", "index": 0}],
    }
    places = [("events", 0), ("purchases", 0), ("purchases", 1)]
    verdict = judge(reply(201, body), places)
    assert (verdict.accepted, verdict.rejected) == ([0, 2], {1: "bad"})
    named_nowhere = judge(reply(201, {"message": "success", "errors": named(0)}), places)
    assert named_nowhere.unclear == [0, 1, 2]
    fewer = judge(reply(201, {"message": "success", "events_processed": 0}), places)
    assert fewer.unclear == [0, 1, 2]
