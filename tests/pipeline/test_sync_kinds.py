"""What the kind of an object decides: what leaves, what is sent once, what a lost answer does."""

import pytest

from madang.sync import DestinationUnclear, SyncError
from madang.sync.destinations.registry import MODULES
from pretend_destination import ENTRY, PretendSettings
from pretend_sandbox import KEY, PretendSandbox
from sync_place import Place


class Pretended(Place):
    """A workspace whose one sync goes to the pretend destination."""

    def __init__(self, root, sandbox: PretendSandbox, name: str) -> None:
        self.sandbox = sandbox
        settings = PretendSettings(url=sandbox.url, key_env="PRETEND_KEY")
        key = ENTRY.objects[name].keys[0]
        super().__init__(root, "pretend", settings, {"PRETEND_KEY": KEY}, name=name, key=key)

    def sync(self, *rows: tuple) -> list[tuple]:
        """Want these rows, plan, apply; return what arrived by that, in its order."""
        before = len(self.sandbox.rows)
        super().sync(*rows)
        return self.sandbox.rows[before:]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setitem(MODULES, "pretend", "pretend_destination")
    with PretendSandbox() as sandbox:
        yield lambda name: Pretended(tmp_path, sandbox, name)


def test_members_are_removed_when_they_leave_and_each_is_a_row_of_its_own(place):
    there = place("lists")
    first = [("h1", "b", "true"), ("h2", "a", "true"), ("h1", "a", "true")]
    assert there.sync(*first) == [
        ("h1", "a", "true"),
        ("h2", "a", "true"),
        ("h1", "b", "true"),
    ], "the rows of one list did not stand together"
    assert there.sync(*first) == []
    assert there.sync(("h2", "a", "true"), ("h1", "b", "true")) == [("h1", "a", None)]
    assert there.sync(("h2", "a", "true"), ("h1", "b", "true", "withdrawn")) == [("h1", "b", None)]


def test_an_event_is_sent_once_and_neither_changed_nor_removed(place):
    there = place("events")
    assert there.sync(("e1", "ordered", "{}")) == [("e1", "ordered", "{}")]
    assert there.sync(("e1", "ordered", '{"value": 2}')) == []
    assert there.sync(("e2", "ordered", "{}")) == [("e2", "ordered", "{}")], "e1 was taken away"
    assert there.sync() == []


@pytest.mark.parametrize("name", ["events", "letters"])
@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "status", "status": 503}])
def test_what_may_have_arrived_is_never_sent_again_and_is_said(place, name, fault):
    there = place(name)
    there.want(*[(f"e{number:02}", "ordered", "{}") for number in range(25)])
    there.plan()
    there.sandbox.faults.add(after=1, **fault)
    with pytest.raises(DestinationUnclear, match="is unknown"):
        there.apply()
    there.apply()  # goes on with the rest
    sent = [key for key, _, _ in there.sandbox.rows]
    assert len(sent) == len(set(sent)) == (25 if fault["kind"] == "drop_after" else 15)
    plan = there.plan()
    assert (plan.is_empty, plan.unknown) == (True, 10)


def test_what_surely_did_not_arrive_is_sent_again(place):
    there = place("events")
    there.sandbox.faults.add("status", status=401)
    there.want(("e1", "ordered", "{}"))
    there.plan()
    with pytest.raises(SyncError, match="does not accept the key"):
        there.apply()
    there.apply()
    assert there.sandbox.rows == [("e1", "ordered", "{}")]


def test_an_event_goes_again_where_the_destination_tells_doubles(place):
    there = place("known_events")
    there.sandbox.faults.add("drop_after")
    assert there.sync(("e1", "ordered", "{}")) == [("e1", "ordered", "{}")] * 2
    assert there.plan().unknown == 0


def test_an_attribute_goes_again_after_a_lost_answer(place):
    there = place("properties")
    there.sandbox.faults.add("drop_after")
    first, second = ("c1", "tier", '"VIP"'), ("c2", "tier", '"VIP"')
    assert there.sync(first, second) == [first, second] * 2
    assert there.sync(second) == [("c1", "tier", None)]


def test_messages_go_to_the_local_server_only(place):
    there = place("letters")
    there.want(("l1", "email", "{}"))
    plan = there.plan()
    real = {"pretend": PretendSettings(url="https://pretend.example", key_env="PRETEND_KEY")}
    there.settings = there.settings.model_copy(update={"destinations": real})
    with pytest.raises(SyncError, match="local server only") as error:
        there.apply()
    assert (there.sandbox.rows, plan.total.added) == ([], 1)
    assert error.value.where.endswith("destinations.pretend.url")
