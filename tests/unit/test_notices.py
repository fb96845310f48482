"""What `madang status` says of consents and records without a person."""

from madang.health.notices import unmet_records, unmet_statements


def test_opt_outs_without_a_person_are_told_by_source():
    rows = [
        {"source": "braze", "signal": "unsubscribed", "statements": 1200, "with_address": 1150},
        {"source": "consent", "signal": "withdrawn", "statements": 3, "with_address": 0},
    ]
    (line,) = unmet_statements(rows)
    assert "1,200 braze (unsubscribed), 3 consent (withdrawn)" in line
    assert "1,150 have an address" in line


def test_records_without_a_person_are_told_with_the_reason():
    rows = [
        {"source": "shop", "met": "person", "rule": "no identifier", "is_met": False, "records": 2},
        {"source": "shop", "met": "person", "rule": "crm_id", "is_met": True, "records": 90},
        {"source": "shop", "met": "visit", "rule": "never sent", "is_met": False, "records": 40},
        {"source": "shop", "met": "person", "rule": "no identifier", "is_met": False, "records": 5},
    ]
    (line,) = unmet_records(rows)
    assert line.startswith("Records without a person: 7 shop (no identifier 7).")


def test_nothing_is_said_where_everything_has_a_person():
    assert unmet_statements([]) == []
    met = {"source": "crm", "met": "person", "rule": "crm_id", "is_met": True, "records": 9}
    assert unmet_records([met]) == []
