"""Several connections at once: nothing is lost or doubled, and what stops one stops all."""

import random
import time

import pytest
from test_sync_killed import killed_after

from madang.http.retry import Retry
from madang.sandbox.braze import BrazeSandbox
from madang.sync import DestinationRefused
from sync_workspace import KEY, Workspace, members

CONNECTIONS, BATCH = 8, 10


@pytest.fixture
def braze():
    with BrazeSandbox(key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def workspace(tmp_path, braze):
    return Workspace(tmp_path, braze.url, batch=BATCH, connections=CONNECTIONS)


def test_answers_that_take_long_are_waited_for_together(workspace, braze):
    workspace.want(members(320))
    braze.faults.add("slow", times=None, seconds=0.2)
    result = workspace.plan_and_apply()
    assert result.accepted == len(braze.users()) == 320
    assert result.seconds < 32 * 0.2 / 2


def test_passing_trouble_on_any_connection_loses_and_doubles_nothing(workspace, braze):
    workspace.want(members(600))
    for after in range(0, 40, 4):
        braze.faults.add("status", status=503, after=after)
    braze.faults.add("drop_before", after=3, times=5)
    braze.faults.add("drop_after", after=9, times=5)
    retry = Retry(attempts=20, first_pause=0.01, longest_pause=0.02)  # faults may fall together
    result = workspace.plan_and_apply(retry=retry)
    assert (result.status, result.accepted) == ("succeeded", 600)
    assert len(braze.users()) == 600
    accepted = workspace.ledger("sync_deliveries", "status = 'accepted'")
    assert len({row["sync_key"] for row in accepted}) == len(accepted) == 600
    assert workspace.plan().is_empty


def test_a_refusal_stops_every_connection_and_keeps_what_arrived(workspace, braze):
    workspace.want(members(600))
    braze.faults.add("slow", times=None, seconds=0.02)
    braze.faults.add("status", status=401, after=12, times=None)
    workspace.plan()
    with pytest.raises(DestinationRefused) as stopped:
        workspace.apply()
    arrived = len(braze.users())
    assert 0 < arrived < 600
    assert stopped.value.result.accepted == arrived
    deliveries = workspace.ledger("sync_deliveries")
    assert {row["status"] for row in deliveries} == {"accepted"}
    assert len(deliveries) == arrived
    asked = len(braze.log())
    time.sleep(0.1)
    assert len(braze.log()) == asked, "something left after the run had stopped"
    braze.faults.clear()
    assert workspace.apply().is_resumed
    assert set(braze.writes().values()) == {1}
    assert len(braze.users()) == 600


def test_killed_at_random_moments_at_most_those_in_flight_are_sent_again(workspace, braze):
    chance = random.Random(17)
    workspace.want(members(900))
    workspace.plan()
    braze.faults.add("slow", times=None, seconds=0.03)
    kills = 5
    for _ in range(kills):
        killed_after(workspace, braze, chance.randrange(1, 14))
        time.sleep(0.1)
    braze.faults.clear()
    workspace.apply()
    assert len(braze.users()) == 900
    again = sum(times - 1 for times in braze.writes().values())
    assert again <= kills * CONNECTIONS * BATCH
    assert workspace.plan().is_empty
