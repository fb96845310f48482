"""What an item of a call may be: the loader's own checks, and what JSON is held to beyond them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from madang.errors import SpecError
from madang.receiver.fields import Clock
from madang.receiver.kinds import read_kinds
from madang.receiver.openapi import document
from madang.settings.receiver import ReceiverSettings
from receiver_calls import PROJECT, outcome

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
CLOCK = Clock.around(NOW, 24)
SECRET = "010-1999-0000"


@pytest.fixture(scope="module")
def kinds():
    return read_kinds(PROJECT)


def texts(kind, item):
    checked = kind.check(item, CLOCK)
    assert isinstance(checked, tuple), checked
    return {name: text for name, text in zip(kind.columns, checked, strict=True) if text}


def codes(kind, item):
    checked = kind.check(item, CLOCK)
    assert isinstance(checked, list), "it was accepted"
    return [(finding.field, finding.code) for finding in checked]


def test_outcomes_inquiries_and_consents_are_received(kinds):
    assert {name: kind.table.label for name, kind in kinds.items()} == {
        "outcomes": "offline.outcomes",
        "inquiries": "inquiries.inquiries",
        "consents": "consent.events",
    }


@pytest.mark.parametrize(
    "status",
    ["confirmed", "installed", "no_show", "no-show", "INSTALLED", "해지", "재검토"],
)
def test_a_status_of_an_outcome_is_any_word_and_lands_as_it_is_written(kinds, status):
    assert texts(kinds["outcomes"], outcome(1, status=status))["status"] == status


def test_a_good_item_lands_in_the_spelling_of_files(kinds):
    item = outcome(
        1,
        occurred_at="2026-10-06 14:30:00.250+09:00",
        phone=" 010 1234 5678 ",
        value="1200000.50",
        reason="고객 사정",
        branch_id=None,
    )
    assert texts(kinds["outcomes"], item) == {
        "outcome_id": "O-1",
        "product": "charger",
        "application_id": "A-1",
        "phone": "010 1234 5678",
        "status": "installed",
        "occurred_at": "2026-10-06T14:30:00.250+09:00",
        "value": "1200000.5",
        "reason": "고객 사정",
    }


def test_signs_that_nobody_sees_are_taken_out_of_ids_addresses_and_numbers(kinds):
    item = outcome(
        1, outcome_id="R\u200b1", application_id="\u202eA-1", phone="010-1234\u2060-5678"
    )
    found = texts(kinds["outcomes"], item)
    assert (found["outcome_id"], found["application_id"]) == ("R1", "A-1")
    assert found["phone"] == "010-1234-5678"
    consent = {"consent_id": "K1", "email": "\u202ama\u00adru@home.example", "channel": "email"}
    consent |= {"purpose": "marketing", "status": "granted", "occurred_at": "2026-10-06T14:30:00Z"}
    assert texts(kinds["consents"], consent)["email"] == "maru@home.example"


def test_a_consent_and_an_inquiry(kinds):
    consent = {
        "consent_id": "K1",
        "email": "maru@home.example",
        "channel": "email",
        "purpose": "marketing",
        "status": "withdrawn",
        "is_night": False,
        "occurred_at": "2026-10-06T14:30:00Z",
    }
    assert texts(kinds["consents"], consent)["is_night"] == "false"
    assert texts(kinds["consents"], consent)["occurred_at"] == "2026-10-06T14:30:00+00:00"
    inquiry = {
        "inquiry_id": "Q1",
        "received_at": "2026-10-06T14:30:00+09:00",
        "channel": "phone",
        "status": "open",
        "content": "[[[[[[[[[[ 괄호가 많은 문의",
    }
    assert texts(kinds["inquiries"], inquiry)["content"].startswith("[[[[")


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        ("2026-10-06T14:30:00", "format"),
        ("2026-10-06 14:30", "format"),
        ("2026-10-06", "format"),
        ("1790000000", "format"),
        (1790000000, "string_type"),
        ("2026-02-30T14:30:00+09:00", "timestamp_unreadable"),
        ("2026-10-06T25:30:00+09:00", "timestamp_unreadable"),
        ("2026-10-06T14:30:00+99:00", "timestamp_unreadable"),
        ("2027-11-22T05:00:00Z", "in_the_future"),
        ("2026-11-23T05:00:01Z", "in_the_future"),
        ("2026-11-23T23:00:00+09:00", "in_the_future"),
        ("1970-01-01T00:00:00Z", "before_2000"),
        ("", "string_too_short"),
        (None, "string_type"),
    ],
)
def test_moments_that_are_refused(kinds, moment, code):
    assert codes(kinds["outcomes"], outcome(1, occurred_at=moment)) == [("occurred_at", code)]


def test_a_sender_whose_clock_is_a_little_ahead_is_heard(kinds):
    ahead = (NOW + timedelta(hours=23)).isoformat()
    assert texts(kinds["outcomes"], outcome(1, occurred_at=ahead))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"outcome_id": None}, ("outcome_id", "string_type")),
        ({"outcome_id": 12}, ("outcome_id", "string_type")),
        ({"outcome_id": "O 1"}, ("outcome_id", "format")),
        ({"outcome_id": "900101-1234567"}, ("outcome_id", "national_id")),
        ({"outcome_id": "1.01E+10"}, ("outcome_id", "digits_lost")),
        ({"outcome_id": "R\ufffd1"}, ("outcome_id", "sign_damaged")),
        ({"outcome_id": "R\u00811"}, ("outcome_id", "control_character")),
        ({"reason": "number 900101-1234567"}, ("reason", "national_id")),
        ({"value": 10**15}, ("value", "format")),
        ({"phone": "12"}, ("phone", "phone_unreadable")),
        ({"value": True}, ("value", "format")),
        ({"value": "1,200,000원"}, ("value", "format")),
        ({"value": 10**30}, ("value", "format")),
        ({"value": float("inf")}, ("value", "format")),
        ({"value": {"amount": 1}}, ("value", "format")),
        ({"reason": "a\u0000b"}, ("reason", "control_character")),
        ({"reason": "\u3000 "}, ("reason", "format")),
        ({"reason": "x" * 20_001}, ("reason", "string_too_long")),
        ({"reason": ["x"]}, ("reason", "string_type")),
        ({"statu": "installed"}, ("statu", "unknown_field")),
        ({SECRET: "x"}, (None, "unknown_field")),
    ],
)
def test_values_that_are_refused(kinds, fields, expected):
    assert codes(kinds["outcomes"], outcome(1, **fields)) == [expected]


@pytest.mark.parametrize("status", ["WITHDRAWN", "철회", "x"])
def test_a_choice_is_written_as_the_contract_says(kinds, status):
    item = {"consent_id": "K1", "customer_no": "C1", "channel": "email", "purpose": "marketing"}
    item |= {"status": status, "occurred_at": "2026-10-06T14:30:00+09:00"}
    assert codes(kinds["consents"], item) == [("status", "literal_error")]


@pytest.mark.parametrize("item", [None, 1, "x", [], [[]], True])
def test_an_item_that_is_no_object_is_refused_as_a_whole(kinds, item):
    assert [field for field, _ in codes(kinds["outcomes"], item)] == [None]


def test_no_verdict_repeats_a_value(kinds):
    item = outcome(1, phone=f"{SECRET}-77", status=[SECRET], occurred_at=SECRET, reason=[SECRET])
    item |= {SECRET: SECRET, "value": SECRET}
    findings = kinds["outcomes"].check(item, CLOCK)
    assert len(findings) == 6
    assert SECRET not in json.dumps([finding.model_dump() for finding in findings])
    assert all(finding.message and finding.fix for finding in findings)


def test_every_missing_field_is_told_at_once(kinds):
    missing = [("outcome_id",), ("product",), ("status",), ("occurred_at",)]
    assert codes(kinds["outcomes"], {}) == [(*name, "missing") for name in missing]


def test_the_schema_and_the_check_are_one_model(kinds):
    schemas = document(kinds, ReceiverSettings())["components"]["schemas"]
    schema = schemas["OutcomesItem"]
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["outcome_id", "product", "status", "occurred_at"]
    assert set(schema["properties"]) == set(kinds["outcomes"].columns)
    assert "enum" not in schema["properties"]["status"]
    assert schemas["ConsentsItem"]["properties"]["status"]["enum"]
    assert "offset" in schema["properties"]["occurred_at"]["description"]
    with pytest.raises(ValidationError):
        kinds["outcomes"].model.model_validate(outcome(1, more=1))


SOURCE = """
sources:
  - name: partners
    tables:
{tables}
"""
TABLE = """\
      - name: {name}
        config:
          meta: {{load: {{files: ["{name}/*.csv"], mode: delta, key: [a], receive: {kind}}}}}
        columns: [{{name: a, config: {{meta: {{type: id, required: true}}}}}}]
"""


def project(root: Path, **tables: str) -> Path:
    folder = root / "models" / "staging" / "partners"
    folder.mkdir(parents=True)
    text = "".join(TABLE.format(name=name, kind=kind) for name, kind in tables.items())
    (folder / "_partners__sources.yml").write_text(SOURCE.format(tables=text), encoding="utf-8")
    return root


def test_a_source_of_ones_own_is_received_by_one_word_in_its_mapping(tmp_path):
    kinds = read_kinds(project(tmp_path, visits="site-visits"))
    assert kinds["site-visits"].check({"a": "V1"}, CLOCK) == ("V1",)


def test_two_tables_cannot_receive_one_kind(tmp_path):
    with pytest.raises(SpecError, match="both receive 'visits'"):
        read_kinds(project(tmp_path, visits="visits", others="visits"))
