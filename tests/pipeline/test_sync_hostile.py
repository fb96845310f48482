"""Destinations that answer what is no success: nothing is accepted, in time, told plainly."""

import time

import pytest

from hostile_server import answering, hostile, whole
from madang.sync import DestinationDown, DestinationRefused, DestinationUnclear
from sync_workspace import KEY, Workspace, members

FINE = b'{"message":"success"}'


def applied(tmp_path, act, stop, rows=25):
    """Send to a server that acts so; return the error and what the ledger holds then."""
    with hostile(act) as (url, asked):
        workspace = Workspace(tmp_path, url, batch=10, timeout=1)
        workspace.want(members(rows))
        workspace.plan()
        with pytest.raises(stop) as caught:
            workspace.apply()
    statuses = {row["status"] for row in workspace.ledger("sync_deliveries")}
    (run,) = workspace.ledger("sync_runs")
    assert (run["status"], run["accepted"]) == ("failed", 0)
    assert KEY not in str(caught.value)
    return workspace, caught.value, statuses, asked


@pytest.mark.parametrize(
    "body",
    [
        b"<html>login</html>",
        b"",
        b"[1, 2]",
        b'{"ok":true}',
        b'{"message":"error"}',
        b'{"message":null}',
        b'{"message":"success","attributes_processed":"0"}',
        b'{"message":"success","attributes_processed":null}',
        b'{"message":"success","attributes_processed":0}',
        b'{"message":"success","attributes_processed":' + b"9" * 10_000 + b"}",
        b'{"message":"error","message":"success"}',
        b'{"message":"success","error":"object 3 was not stored"}',
        b'{"message":"success","errors":[[{"index":0}]]}',
        b'{"message":' + b"[" * 200_000,
        b'{"message":"' + KEY.encode() + b'"}',
    ],
)
def test_a_2xx_that_is_no_success_leaves_what_was_sent_unknown(tmp_path, body):
    _, error, statuses, _ = applied(tmp_path, answering(whole(body)), DestinationUnclear)
    assert statuses == {"unknown"}
    assert "stay planned" in str(error)


def test_what_is_unknown_is_sent_again_and_removed_when_it_is_not_wanted_any_more(tmp_path):
    workspace, *_ = applied(
        tmp_path, answering(whole(b'{"message":"maybe"}')), DestinationUnclear, rows=3
    )
    workspace.want(members(1))
    plan = workspace.plan()
    assert (plan.changed, plan.removed) == (1, 2)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (answering(whole(FINE, "201 x", "Content-Encoding: gzip")), "damaged gzip"),
        (answering(b"HTTP/1.1 201 x\r\n", *[b"X: y\r\n"] * 50, every=0.3), "did not answer"),
        (answering(whole(FINE, "520 Weird")), "answered 520"),
    ],
)
def test_an_answer_that_cannot_be_read_is_none(tmp_path, act, words):
    began = time.monotonic()
    _, error, statuses, _ = applied(tmp_path, act, DestinationDown)
    assert words in str(error) and statuses == {"unknown"}
    assert time.monotonic() - began < 20


def test_a_redirect_is_refused_and_the_key_goes_nowhere_else(tmp_path):
    with hostile(answering(whole(FINE))) as (other, seen):
        moved = answering(whole(b"", "307 Moved", f"Location: {other}/x"))
        _, _, statuses, asked = applied(tmp_path, moved, DestinationRefused)
    assert (seen, len(asked), statuses) == ([], 1, set())
