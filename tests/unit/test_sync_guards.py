"""When a plan looks like a mistake."""

from madang.sync.guards import Counts, tripped


def names(total, by_field=None, share=0.5):
    return [guard.name for guard in tripped(total, by_field or {}, share)]


def test_a_first_delivery_trips_nothing():
    assert names(Counts(added=100_000)) == []


def test_nothing_wanted_while_something_is_delivered_trips():
    assert names(Counts(removed=3)) == ["empty"]
    assert names(Counts()) == []


def test_removing_more_than_the_share_trips_and_exactly_the_share_does_not():
    assert names(Counts(removed=100, unchanged=100)) == []
    assert names(Counts(removed=101, unchanged=99)) == ["removals"]


def test_changing_more_than_the_share_trips():
    assert names(Counts(changed=101, unchanged=99)) == ["changes"]


def test_small_states_swing_freely():
    assert names(Counts(removed=98, unchanged=1)) == []


def test_one_field_that_collapses_among_large_ones_trips():
    small, large = Counts(removed=110, unchanged=10), Counts(unchanged=10_000)
    total = Counts(removed=110, unchanged=10_010)
    (guard,) = tripped(total, {"b": small, "a": large}, 0.5)
    assert guard.name == "removals"
    assert guard.message.startswith("110 of 120 delivered rows of 'b' (92%)")


def test_many_small_fields_that_collapse_together_trip_as_a_whole():
    fields = {f"f{n}": Counts(removed=40) for n in range(5)}
    assert names(Counts(removed=200, added=1), fields) == ["removals"]
