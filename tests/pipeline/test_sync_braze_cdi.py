"""The outbox for Braze Cloud Data Ingestion: what is laid there, read by Braze, known of it."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from demo_workspace import REPOSITORY
from madang.erase.columns import read_columns
from madang.erase.lists import memberships
from madang.erase.tables import forget_logs
from madang.erase.values import Known
from madang.sandbox.braze import BrazeSandbox
from madang.sandbox.braze_cdi import Integration
from madang.sync import DestinationDown, later, ledger
from madang.sync.clock import stamp
from madang.sync.destinations.braze import cdi
from madang.sync.destinations.braze.cdi import BrazeCdiSettings
from madang.sync.destinations.registry import open_by_name
from madang.warehouse import WarehouseError
from sync_place import Place

KEY = "11111111-2222-3333-4444-555555555555"
INTEGRATION = "00000000-0000-0000-0000-0000000000cd"
OUTBOX = "braze_outbox"


@pytest.fixture
def braze():
    with BrazeSandbox(key=KEY) as sandbox:
        sandbox.store.create(["C1", "C2", "C3"])
        sandbox.integrations[INTEGRATION] = Integration(sandbox.store)
        yield sandbox


@pytest.fixture
def place(tmp_path, braze, monkeypatch):
    monkeypatch.setenv("TEST_BRAZE_KEY", KEY)
    told = {"url": braze.url, "key_env": "TEST_BRAZE_KEY", "integration_id": INTEGRATION}
    environ = {"TEST_BRAZE_KEY": KEY}
    shape = {"name": "outbox", "key": "external_id"}
    return Place(tmp_path, "braze_cdi", BrazeCdiSettings(**told), environ, **shape)


def pull(place, braze) -> int:
    return braze.integrations[INTEGRATION].pull(place.ledger(OUTBOX))


def asked(place) -> list[str]:
    return [one.status for one in later.ask(place.settings, place.warehouse)]


def test_only_changes_are_laid_out_one_row_a_user_and_braze_takes_them(place, braze):
    place.sync(("C1", "a", "true"), ("C1", "b", '"x"'), ("C2", "a", "true"))
    rows = place.ledger(OUTBOX)
    assert [(row["external_id"], json.loads(row["payload"])) for row in rows] == [
        ("C1", {"a": True, "b": "x"}),
        ("C2", {"a": True}),
    ]
    assert pull(place, braze) == 2
    # C1 leaves a, C2 gets another value, and what stays is in no row
    place.sync(("C1", "b", '"x"'), ("C2", "a", "false"))
    new = place.ledger(OUTBOX)[2:]
    assert [json.loads(row["payload"]) for row in new] == [{"a": None}, {"a": False}]
    assert pull(place, braze) == 3  # the row at the mark is read again
    assert braze.users() == {"C1": {"b": "x"}, "C2": {"a": False}, "C3": {}}
    assert place.sync(("C1", "b", '"x"'), ("C2", "a", "false")) is None


def test_who_may_not_be_sent_is_not_laid_out_and_who_takes_it_back_is_taken_away(place, braze):
    place.sync(("C1", "a", "true"), ("C2", "a", "true", "withdrawn"))
    place.sync(("C1", "a", "true", "withdrawn"))
    pull(place, braze)
    assert [row["external_id"] for row in place.ledger(OUTBOX)] == ["C1", "C1"]
    assert braze.users()["C1"] == {}


def test_moments_strictly_rise_also_where_the_clock_is_set_back(place, braze, monkeypatch):
    ahead = datetime.now(UTC) + timedelta(days=2)
    monkeypatch.setattr(cdi, "utc_now", lambda: ahead)
    place.sync(("C1", "a", "true"), ("C2", "a", "true"))
    monkeypatch.setattr(cdi, "utc_now", lambda: ahead - timedelta(days=2))
    pull(place, braze)
    place.sync(("C1", "a", "1"), ("C2", "a", "true"), ("C3", "a", "true"))
    moments = [row["updated_at"] for row in place.ledger(OUTBOX)]
    assert all(before < after for before, after in pairwise(moments))
    pull(place, braze)  # Braze never reads a row below its mark
    assert {key: user.get("a") for key, user in braze.users().items()} == {
        "C1": 1,
        "C2": True,
        "C3": True,
    }


def test_a_row_that_an_erasure_took_stays_before_those_that_follow(place, braze, monkeypatch):
    ahead = datetime.now(UTC) + timedelta(days=2)
    monkeypatch.setattr(cdi, "utc_now", lambda: ahead)
    place.sync(("C1", "a", "true"), ("C2", "a", "true"))
    pull(place, braze)
    monkeypatch.undo()
    known = Known("p", numbers=["C1", "C2"])
    with place.warehouse() as warehouse:
        forget_logs(warehouse, read_columns(REPOSITORY), known)
    assert place.ledger(OUTBOX) == []
    place.sync(("C3", "a", "true"))
    assert pull(place, braze) == 1, "Braze never reads it"
    assert braze.users()["C3"] == {"a": True}


def test_what_was_laid_out_when_the_run_was_killed_is_laid_out_again_after_it(
    place, braze, monkeypatch
):
    """In the same microsecond, and before the journal knew of it."""
    now = datetime.now(UTC)
    monkeypatch.setattr(cdi, "utc_now", lambda: now)
    append = ledger.append

    def killed(settings, warehouse, table, rows):
        append(settings, warehouse, table, rows)
        raise KeyboardInterrupt

    place.want(("C1", "a", "true"), ("C2", "a", "true"))
    place.plan()
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            place.apply()
    pull(place, braze)
    assert place.apply().accepted == 2
    moments = [row["updated_at"] for row in place.ledger(OUTBOX)]
    assert len(moments) == 4
    assert all(before < after for before, after in pairwise(moments))
    pull(place, braze)
    assert [braze.users()[key] for key in ("C1", "C2")] == [{"a": True}] * 2
    assert place.plan().is_empty


def test_a_row_is_accepted_until_braze_says_that_it_was_read(place, braze):
    place.sync(("C1", "a", "true"))
    assert asked(place) == ["waiting"]  # nothing was pulled yet
    pull(place, braze)
    assert asked(place) == ["applied"]
    assert asked(place) == []
    place.sync(("C1", "a", "2"))
    assert asked(place) == ["waiting"]  # the last pull was before this row
    for _ in range(12):
        pull(place, braze)  # so that the first one stands on the second page
    assert asked(place) == ["applied"]


def test_a_pull_with_failed_rows_is_told_as_partial(place, braze):
    place.sync(("C1", "a", "true"), ("C2", "a", "true"))
    rows = place.ledger(OUTBOX)
    braze.integrations[INTEGRATION].pull(rows[:1])
    assert asked(place) == ["waiting"]  # of two rows one was read
    braze.integrations[INTEGRATION].pull([{**rows[0], "payload": "no JSON"}, rows[1]])
    for _ in range(12):
        pull(place, braze)  # good ones, of the last row again: the first one stands on page two
    (told,) = later.ask(place.settings, place.warehouse)
    assert (told.status, told.problem) == ("partial", "1 rows of a pull failed in Braze")


def test_each_kind_of_id_has_its_own_column(place, braze):
    keys = ["C1", "external_id:email:x", "braze_id:b1", "email:a@maru.example", "phone:+8210"]
    place.sync(*[(key, "a", "true") for key in [*keys, "user_alias:crm:77"]])
    found = [
        {name: value for name, value in row.items() if value and name.split("_")[-1] != "at"}
        for row in place.ledger(OUTBOX)
    ]
    told = {row.pop("sync_key"): row for row in found if row.pop("payload")}
    assert told == {
        "C1": {"external_id": "C1"},
        "external_id:email:x": {"external_id": "email:x"},
        "braze_id:b1": {"braze_id": "b1"},
        "email:a@maru.example": {"email": "a@maru.example"},
        "phone:+8210": {"phone": "+8210"},
        "user_alias:crm:77": {"alias_name": "77", "alias_label": "crm"},
    }


def test_a_warehouse_in_use_stops_the_run_and_the_next_one_lays_it_out(place, braze, monkeypatch):
    place.want(("C1", "a", "true"))
    place.plan()

    def busy(*_, **__):
        raise WarehouseError("The warehouse is in use.")

    with monkeypatch.context() as patch:
        patch.setattr("madang.warehouse.open_warehouse", busy)
        with pytest.raises(DestinationDown, match="The outbox cannot be written"):
            place.apply()
    assert place.ledger(OUTBOX) == []
    assert place.apply().accepted == 1
    assert len(place.ledger(OUTBOX)) == 1


def test_rows_that_are_older_than_the_days_to_keep_are_deleted(place, monkeypatch):
    past = datetime.now(UTC) - timedelta(days=31)
    monkeypatch.setattr(cdi, "utc_now", lambda: past)
    place.sync(("C1", "a", "true"))
    monkeypatch.undo()
    place.sync(("C1", "a", "true"), ("C2", "a", "true"))
    assert [row["external_id"] for row in place.ledger(OUTBOX)] == ["C2"]


def test_an_erasure_deletes_the_user_in_braze_and_lays_nothing_out(place, braze):
    place.sync(("C1", "a", "true"))
    with place.warehouse() as warehouse:
        assert memberships(place.settings, warehouse, None) == {}
    open_by_name("braze_cdi", place.settings, environ=place.environ).delete(["C1"])
    assert set(braze.users()) == {"C2", "C3"}


def test_doctor_asks_for_the_integration(place, braze):
    def look():
        (found,) = open_by_name("braze_cdi", place.settings, environ=place.environ).look([])
        return found.status, found.detail

    assert look() == ("ok", "last pull: none yet")
    place.sync(("C1", "a", "true"))
    braze.integrations[INTEGRATION].pull([{**place.ledger(OUTBOX)[0], "payload": ""}])
    assert look() == ("warning", "last pull: error")
    braze.permissions = frozenset({"users.track"})
    assert look()[0] == "problem"
    braze.permissions = None
    braze.integrations.clear()
    assert look() == ("problem", "Invalid integration ID")


def test_the_stamp_of_a_row_is_the_reference_that_is_asked_by(place):
    place.sync(("C1", "a", "true"))
    (batch,) = place.ledger("sync_batches")
    (row,) = place.ledger(OUTBOX)
    assert batch["remote_reference"] == stamp(row["updated_at"].replace(tzinfo=UTC)).replace(
        " ", "T"
    )
