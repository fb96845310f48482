"""The local endpoint keeps to our contract: see `madang.sync.destinations.webhook`."""

import hashlib
import hmac
import json
import time

import pytest
import requests

from madang.sandbox.webhook import SECRET, WebhookSandbox

ROW = {"id": "1", "key": "C1", "field": "a", "operation": "set", "value": True}
BODY = {"object": "members", "plan_id": "p", "rows": [ROW]}


@pytest.fixture
def endpoint():
    with WebhookSandbox(says_rows=True) as sandbox:
        yield sandbox


def post(endpoint, body: object, *, at: float | None = None, key: str | None = None, **more: str):
    content = json.dumps(body).encode()
    moment = str(int(time.time() if at is None else at))
    signed = hmac.new(SECRET.encode(), f"{moment}.".encode() + content, hashlib.sha256)
    headers = {
        "X-Madang-Signature": f"t={moment},v1={signed.hexdigest()}",
        "Idempotency-Key": key or hashlib.sha256(content).hexdigest(),
        **more,
    }
    return requests.post(endpoint.url, content, headers=headers, timeout=5)


def test_a_batch_is_taken_once_and_answered_again_alike(endpoint):
    first, again = post(endpoint, BODY), post(endpoint, BODY)
    assert first.json() == again.json() == {"results": [{"id": "1", "status": "ok"}]}
    assert (endpoint.doubles, len(endpoint.rows)) == (1, 1)
    assert endpoint.held == {("C1", "a"): True}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"at": 1_700_000_000}, 401),
        ({"X-Madang-Signature": "t=1,v1=0"}, 401),
        ({"key": "another"}, 400),
    ],
)
def test_what_is_not_signed_now_or_has_no_key_is_refused(endpoint, more, status):
    assert post(endpoint, BODY, **more).status_code == status
    assert endpoint.rows == []


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"object": "members", "rows": [ROW]},
        BODY | {"rows": []},
        BODY | {"rows": [ROW | {"more": 1}]},
        BODY | {"rows": [{"id": "1"}]},
    ],
)
def test_a_body_of_another_shape_is_refused(endpoint, body):
    answer = post(endpoint, body)
    assert (answer.status_code, endpoint.rows) == (400, [])
    assert answer.json()["reason"]
