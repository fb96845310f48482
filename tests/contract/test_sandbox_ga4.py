"""The local Measurement Protocol keeps to GA4's contract. Pages: see `madang.sandbox.ga4`."""

import json
import time

import pytest
import requests

from madang.sandbox.ga4 import MOST_EVENTS, Ga4Sandbox

ADDRESS = "measurement_id=G-LOCAL1&api_secret=sandbox-secret"


@pytest.fixture
def ga4():
    with Ga4Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def asked(ga4):
    """Post to an address; return (status, body)."""
    with requests.Session() as session:
        session.trust_env = False

        def ask(path: str, body: object, query: str = ADDRESS):
            answer = session.post(f"{ga4.url}{path}?{query}", data=json.dumps(body))
            return answer.status_code, answer.json() if answer.status_code == 200 else None

        yield ask


def event(days_ago: float = 1, **change) -> dict:
    micros = int((time.time() - days_ago * 86_400) * 1e6)
    params = {"transaction_id": "c1", "value": 1.5, "currency": "KRW"}
    return {"name": "purchase", "params": params, "timestamp_micros": micros, **change}


def body(**change) -> dict:
    consent = {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"}
    good = {
        "client_id": "1.2",
        "consent": consent,
        "validation_behavior": "ENFORCE_RECOMMENDATIONS",
        "events": [event()],
    }
    return {key: value for key, value in {**good, **change}.items() if value is not None}


WRONG = [
    ({"client_id": None}, "client_id"),
    ({"validation_behavior": None}, "validation_behavior"),
    ({"consent": {"ad_user_data": "yes"}}, "consent"),
    ({"clientId": "1.2"}, "clientId"),
    ({"events": []}, "events"),
    ({"events": [event()] * (MOST_EVENTS + 1)}, "events"),
    ({"events": [event(name="1st")]}, "events.name"),
    ({"events": [event(params={"value": 1.5, "transaction_id": "c1"})]}, "events.params"),
    ({"events": [event(params={})]}, "events.params"),
    ({"events": [event(params={"transaction_id": "c" * 101})]}, "events.params"),
    ({"events": [event(days_ago=3.1)]}, "events.timestamp_micros"),
    ({"events": [event(days_ago=-1)]}, "events.timestamp_micros"),
]


@pytest.mark.parametrize(("change", "path"), WRONG)
def test_the_validation_address_names_what_the_live_one_drops_without_a_word(
    ga4, asked, change, path
):
    status, told = asked("/debug/mp/collect", body(**change))
    assert (status, [one["fieldPath"] for one in told["validationMessages"]]) == (200, [path])
    assert asked("/mp/collect", body(**change)) == (204, None)
    assert ga4.events == []


def test_what_is_right_counts_at_the_live_address_alone(ga4, asked):
    assert asked("/debug/mp/collect", body()) == (200, {"validationMessages": []})
    assert ga4.events == []
    assert asked("/mp/collect", body()) == (204, None)
    assert [one["client_id"] for one in ga4.events] == ["1.2"]


def test_a_wrong_secret_is_answered_as_a_good_one(ga4, asked):
    assert asked("/mp/collect", body(), "measurement_id=G-LOCAL1&api_secret=x") == (204, None)
    assert ga4.events == []
