"""Rows at an endpoint of a company's own, over HTTP: signed, each once, answers by row or batch."""

import json

import pytest
import requests

from madang.errors import ConfigError
from madang.sandbox.webhook import SECRET, WebhookSandbox
from madang.sync import DestinationRefused, DestinationUnclear
from madang.sync.destinations.webhook import WebhookSettings
from sync_place import Place

ENVIRON = {"MADANG_WEBHOOK_SECRET": SECRET}


class There(Place):
    """A workspace whose one sync goes to the local endpoint."""

    def __init__(self, root, endpoint: WebhookSandbox, name: str = "members", **keys) -> None:
        answers = "rows" if endpoint.says_rows else "batch"
        told = {"url": endpoint.url, "rows_per_request": 4, "answers": answers, **keys}
        key = "event_id" if name.endswith("events") else "key"
        super().__init__(root, "webhook", WebhookSettings(**told), ENVIRON, name=name, key=key)


@pytest.fixture
def endpoint():
    with WebhookSandbox() as sandbox:
        yield sandbox


def on(*keys: str, field: str = "buyers") -> list[tuple]:
    return [(key, field, json.dumps({"tier": "VIP", "name": "김하늘"}), None) for key in keys]


def test_the_endpoint_holds_exactly_who_is_wanted(tmp_path, endpoint):
    there = There(tmp_path, endpoint)
    there.sync(*on(*(f"C{number}" for number in range(9))), *on("C1", field="vips"))
    assert endpoint.held["C3", "buyers"] == {"tier": "VIP", "name": "김하늘"}
    result = there.sync(*on("C1", "C2"))
    assert set(endpoint.held) == {("C1", "buyers"), ("C2", "buyers")}
    assert (result.status, result.accepted, endpoint.doubles) == ("succeeded", 8, 0)
    removed = [one for one in endpoint.rows if one["operation"] == "remove"]
    assert {one["value"] for one in removed} == {None} and len(removed) == 8


def test_attributes_are_a_row_a_field(tmp_path, endpoint):
    there = There(tmp_path, endpoint, "attributes")
    there.sync(("C1", "tier", '"VIP"'), ("C1", "orders", "2"), ("C2", "tier", '"A"'))
    assert endpoint.held == {("C1", "tier"): "VIP", ("C1", "orders"): 2, ("C2", "tier"): "A"}


def test_a_row_that_is_refused_is_rejected_alone_and_its_words_are_harmless(tmp_path):
    with WebhookSandbox(says_rows=True) as endpoint:
        endpoint.bad_keys = {"C2"}
        there = There(tmp_path, endpoint)
        result = there.sync(*on("C1", "C2", "C3"))
        assert (result.accepted, result.rejected) == (2, 1)
        assert result.rejected_by_problem == {"unknown key [address]": 1}


def test_a_batch_that_is_refused_is_rejected_and_the_others_go_on(tmp_path, endpoint):
    endpoint.bad_keys = {"C0"}
    there = There(tmp_path, endpoint)
    result = there.sync(*on(*(f"C{number}" for number in range(8))))
    assert (result.accepted, result.rejected) == (4, 4)
    assert result.rejected_by_problem == {"422: A key is not known.": 4}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "status", "status": 503},
        {"kind": "rate_limit", "seconds": 1},
    ],
)
def test_trouble_that_passes_loses_nothing_and_doubles_are_told(tmp_path, endpoint, fault):
    there = There(tmp_path, endpoint)
    endpoint.faults.add(after=1, **fault)
    there.sync(*on(*(f"C{number}" for number in range(9))))
    assert len(endpoint.held) == len(endpoint.rows) == 9
    assert endpoint.doubles == (fault["kind"] == "drop_after")


@pytest.mark.parametrize("name", ["events", "idempotent_events"])
def test_an_event_whose_answer_was_lost_goes_again_only_where_doubles_are_told(
    tmp_path, endpoint, name
):
    there = There(tmp_path, endpoint, name)
    there.want(*((f"e{number}", "ordered", "{}") for number in range(8)))
    there.plan()
    endpoint.faults.add("drop_after", after=1)
    if name == "events":
        with pytest.raises(DestinationUnclear, match="is unknown"):
            there.apply()
        assert there.plan().unknown == 4
    else:
        there.apply()
        assert there.plan().unknown == 0
    assert len(endpoint.rows) == 8, "an event came twice"


def test_what_is_not_understood_is_no_success(tmp_path, endpoint):
    there = There(tmp_path, endpoint)
    endpoint.faults.add("garbage")
    with pytest.raises(DestinationUnclear, match="not as an endpoint of ours"):
        there.sync(*on("C1"))
    silent = There(tmp_path / "rows", endpoint, answers="rows")
    with pytest.raises(DestinationUnclear, match="not as an endpoint of ours"):
        silent.sync(*on("C1"))
    there.sync(*on("C1"))
    assert set(endpoint.held) == {("C1", "buyers")}


def test_a_wrong_secret_or_an_old_signature_is_refused(tmp_path, endpoint):
    there = There(tmp_path, endpoint)
    there.environ = {"MADANG_WEBHOOK_SECRET": "other"}
    with pytest.raises(DestinationRefused, match="refuses the signature") as error:
        there.sync(*on("C1"))
    assert "other" not in error.value.message
    there.environ = {}
    with pytest.raises(ConfigError, match="MADANG_WEBHOOK_SECRET"):
        there.apply()
    old = requests.post(
        endpoint.url,
        b"{}",
        headers={"X-Madang-Signature": f"t=1700000000,v1={'0' * 64}"},
        timeout=5,
    )
    assert (old.status_code, endpoint.rows) == (401, [])


def test_an_address_without_encryption_is_refused(tmp_path, endpoint):
    there = There(tmp_path, endpoint, url="http://hooks.example/x")
    with pytest.raises(ConfigError, match="unencrypted"):
        there.sync(*on("C1"))
