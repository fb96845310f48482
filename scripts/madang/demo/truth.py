"""Write what is really so: the answers that a correct product must give.

One Parquet file a table, below `truth/`:

- `people`: every human whom a record names. `person` is the truth's own id.
- `identifiers`: crm_id, user_id, email (lower case), phone (+8210…) and whose it is. A value that
  several people hold is there once a person, with `is_shared`.
- `sessions`: one row per session and *part*. A session has a second part where another person
  begins to act or where the ownership rule begins to know who it is (a login). `actor` is who
  really acted, `knowable_person` whom the documented rule names: null when it names nobody. On a
  family's computer the two differ in the visits of a member who does not log in.
- `audiences`, `audience_anonymous`, `audience_contactable`, `contactability`.
- `funnel`, `funnel_subjects`: the test-drive funnel; a subject is a person, or `D:` and the
  browser's user_pseudo_id while nobody is known.
- `conversions`, `orders`: fate and value of each at the moment of the export.
- `totals`: counts that reports must reconcile with.
- `expected_rejects`: the rows that a loader must refuse.
"""

from madang.demo import crm_workbook, files
from madang.demo.engine import Engine
from madang.demo.publish import Publisher

_TABLES = {
    "people": """
        select * exclude (person_no) from truth_people order by person
    """,
    "identifiers": """
        select identifier_type, identifier_value, person, is_shared
        from truth_identifiers order by all
    """,
    "sessions": """
        select * from truth_sessions order by user_pseudo_id, ga_session_id, part
    """,
    "audiences": """
        select audience, subject as person
        from truth_audience_subjects where subject like 'P%' order by all
    """,
    "audience_anonymous": """
        select audience, count(*) filter (subject like 'D:%') as devices
        from truth_audience_subjects group by audience order by audience
    """,
    "audience_contactable": """
        select audience, person, is_contactable, reason
        from truth_audience_contactable order by all
    """,
    "contactability": """
        select person, channel, is_allowed, reason from truth_contactability order by all
    """,
    "funnel": """
        select step_number, step, subjects from truth_funnel order by step_number
    """,
    "funnel_subjects": """
        select subject, depth from truth_funnel_subjects order by subject
    """,
    "conversions": """
        select * from truth_conversions order by application_id
    """,
    "orders": """
        select
            order_id,
            person,
            status_now as fate,
            (case when status_now = 'paid' then amount else 0 end)::bigint as net_amount
        from seen_orders order by order_id
    """,
    "totals": """
        select metric, event_date, kind, value from truth_totals order by all
    """,
}


def write(engine: Engine, publisher: Publisher) -> None:
    """Work the truth out and write it. The tables `seen` and `records.sql` made must exist."""
    engine.run("truth")
    for name, query in _TABLES.items():
        publisher.put(
            f"truth/{name}.parquet",
            lambda draft, query=query: engine.write_parquet(query, draft),
        )
    rejects = crm_workbook.expected_rejects(engine) + files.expected_rejects(engine)
    engine.execute(
        "create table expected_rejects (file varchar, row_number bigint, field varchar, "
        "value varchar)"
    )
    for reject in rejects:
        engine.execute_with("insert into expected_rejects values (?, ?, ?, ?)", reject)
    publisher.put(
        "truth/expected_rejects.parquet",
        lambda draft: engine.write_parquet("from expected_rejects order by all", draft),
    )
