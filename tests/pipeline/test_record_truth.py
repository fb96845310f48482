"""Visits that logins and records name in the demo company, held to who was really there.

What could be known: a session of somebody who at any time logged in, or made a record that names
them, on the same device. The world tells who that was; nothing here goes by the product's windows.
"""

from collections.abc import Callable, Iterator

import pytest

from demo_workspace import Company, Tables, tables_of


@pytest.fixture(scope="module")
def tables(company: Company) -> Iterator[Tables]:
    with tables_of(company.root) as tables:
        prepare(tables)
        yield tables


def prepare(tables: Tables) -> None:
    tables.run("""
        create temp table same_person as
        select distinct told.person, known.person_id
        from truth_identifiers as told
        inner join madang_identity.person_identifiers as known
            on told.identifier_type = known.identifier_type
            and case when told.identifier_type in ('email', 'phone')
                then sha256(told.identifier_value) else told.identifier_value end
                = known.identifier_value
        where not told.is_shared""")
    tables.run("""
        create temp table visits as
        select told.user_pseudo_id as device_id, told.actor, same_person.person as named
        from truth_sessions as told
        inner join madang_activity.sessions as sessions
            on told.user_pseudo_id = sessions.device_id
            and told.ga_session_id = sessions.ga_session_id
        left join same_person using (person_id)
        where told.part = 1 and told.device_kind not in ('bot', 'staff')""")
    # Applications of which an outcome has the number, and orders: who made them, and where.
    tables.run("""
        create temp table could_be_known as
        select user_pseudo_id as device_id, actor from truth_sessions where is_login
        union
        select device_id, coalesce(conversions.person, orders.person)
        from madang_activity.actions as actions
        left join (
            select application_id, person from truth_conversions
            where application_id in (
                select application_id from madang_private.stg_offline__outcomes)
        ) as conversions
            on actions.object_id = conversions.application_id
            and actions.action = 'completed_application'
        left join truth_orders as orders
            on actions.object_id = orders.order_id and actions.action = 'purchased'
        where coalesce(conversions.person, orders.person) is not null""")


def test_sessions_are_named_as_far_as_any_login_or_record_could(
    tables: Tables, measured: Callable
) -> None:
    counts = tables.row("""
        select
            count(named) as named,
            count(*) filter (named = visits.actor) as right_ones,
            count(could.actor) as could,
            count(could.actor) filter (named = visits.actor) as found
        from visits
        left join could_be_known as could
            on visits.device_id = could.device_id and visits.actor = could.actor""")
    precision = counts["right_ones"] / counts["named"]
    recall = counts["found"] / counts["could"]
    measured(
        f"sessions by logins and records: {counts['named']:,} named, precision {precision:.4f}, "
        f"recall {recall:.4f} of {counts['could']:,} that could be known"
    )
    assert precision >= 0.99
    assert recall >= 0.95


def test_installs_have_the_web_application_that_they_are_about(
    tables: Tables, measured: Callable
) -> None:
    """Each that the outcome's number, a login or a record could tell, and none of the others.

    Which share has no trace at all is the world's chance: 20 of 767 with 20,000 people.
    """
    counts = tables.row("""
        select count(*) as installs, count(installs.object_id) as joined,
            count(*) filter (is_noted or by_login or by_record) as knowable,
            count(installs.object_id) filter (is_noted or by_login or by_record) as known
        from truth_conversions as told
        left join (
            select distinct object_id from madang_activity.activities
            where action = 'installed' and session_key is not null
        ) as installs on told.application_id = installs.object_id
        inner join (
            select distinct object_id from madang_activity.activities
            where action = 'completed_application' and session_key is not null
        ) as sent on told.application_id = sent.object_id
        where told.fate = 'installed'""")
    measured(f"installs joined to their web application: {counts}")
    assert counts["known"] == counts["knowable"] > 10
    assert counts["joined"] == counts["known"]
