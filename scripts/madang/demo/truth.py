"""Write what is really so, from the world that was made, and what could have been known of it.

One Parquet file a table, below `truth/`. `person` is the truth's own id of a human being. What
could have been known stands beside what is so, never in its place: `by_login` where that person
logged in there at some time, `by_sighting` where an event there carries their user id, `by_record`
where an event there and a record that names them carry one business id.

- `people`: every human whom a record names.
- `identifiers`: crm_id, user_id, salesforce_id, braze_id, email (lower case), phone (+8210…) and
  whose it is. A value that several people hold is there once a person, with `is_shared`.
- `sessions`: one row per session and *part*; a part ends where another person begins to act, so it
  says who did each event. `actor` is who was there: nobody for programs and colleagues.
- `records`: whose each record is, by source. `messages`: who got it, what they did, and whether it
  was allowed at that moment. `in_app_messages`: who saw one, of a campaign or of a step of the
  Canvas, which variant, and whether they tapped it.
- `permission_changes`: each yes and no, by person and channel, and where it was said;
  `permissions`: what stands from one to the next; `contactability`: what stands now. The purpose
  is advertising for the channel ads, and marketing for all others.
- `tier_moves`: who had another tier before, and when it changed; the CRM's lists show it from the
  first list after that. `rewards`: who said yes to get a coupon.
- `audiences`, `funnel_people`, `funnel`: who really did what their definitions ask for.
- `stage_people`: how far each really came towards a test drive, from looking (1) to coming (5).
- `conversions`: who applied (`applicant`), for whom (`person`), and what became of it until now
  (`fate`, `value`, and `ended_because` where it came to nothing) and in the end (`final_fate`,
  `final_value`); `outcomes`: which application each was about, also where the file does not say so.
- `experiments`: who came into an experiment of Braze, who is in its control group, and who orders
  for good within two weeks: `orders_with` the message and `orders_without` it, both of everybody.
- `inquiries`: who asked, about what (`topic`), about which order, also where the ticket does not
  name it, and the digits of the asker's telephone, which no text may show.
- `orders`: fate and net amount in the order's currency, and what the website reported.
- `ad_costs`: what each campaign really cost, by the day of its platform's account, as it stands
  after all restatements; `origin_campaign` is the name that its links bear.
- `totals`: counts that reports must reconcile with.
- `expected_rejects`: the rows that a loader must refuse.
"""

from madang.demo import crm_workbook, files
from madang.demo.engine import Engine
from madang.demo.publish import Publisher

_TABLES = {
    "people": "select * exclude (person_no) from truth_people order by person",
    "identifiers": """
        select identifier_type, identifier_value, person, is_shared
        from truth_identifiers order by all
    """,
    "sessions": "from truth_sessions order by user_pseudo_id, ga_session_id, part",
    "records": "from truth_records order by all",
    "messages": "from truth_messages order by message_id",
    "permission_changes": """
        select
            person, channel, purpose_of(channel) as purpose, utc_at(said_us) as said_at, is_yes,
            said_in
        from permission_changes inner join people using (person_no) order by all
    """,
    "permissions": """
        select person, channel, purpose_of(channel) as purpose, utc_at(said_us) as valid_from,
            utc_at(until_us) as valid_to, is_allowed, said_in
        from permissions inner join people using (person_no) order by all
    """,
    "tier_moves": """
        select person, tier_before, tier as tier_after, utc_at(tier_moved_us) as moved_at
        from people where is_customer and tier_before is not null and tier_before != tier
        order by person
    """,
    "rewards": """
        select person, channel, utc_at(occurred_us) as rewarded_at
        from seen_consents inner join people using (person_no)
        where collected_via = 'coupon_event' order by all
    """,
    "in_app_messages": """
        select
            coalesce(campaign_name, canvas_name) as campaign_name, canvas_step_name, variant,
            person, utc_at(shown_us) as shown_at, is_clicked
        from in_app_views order by all
    """,
    "contactability": "from truth_contactability order by person, channel",
    "audiences": "from truth_audiences order by audience, person",
    "funnel": "from truth_funnel order by step_number",
    "funnel_people": "from truth_funnel_people order by person",
    "stage_people": "from truth_stage_people order by person",
    "conversions": "from truth_conversions order by application_id",
    "outcomes": "from truth_outcomes order by outcome_id",
    "inquiries": """
        select
            inquiry_id, person, category as topic, about_order_id,
            order_id is not null as names_order, phone_digits
        from seen_inquiries order by inquiry_id
    """,
    "orders": "from truth_orders order by order_id",
    "experiments": "from truth_experiments order by experiment, person",
    "ad_costs": """
        select
            platform, campaign_id, campaign, link_campaign as origin_campaign, day, clicks,
            impressions, cost_krw, cost_first_krw, conversions, conversion_value
        from ad_days order by platform, campaign_id, day
    """,
    "totals": "select metric, event_date, kind, value from truth_totals order by all",
}


def write(engine: Engine, publisher: Publisher) -> None:
    """Write the truth. Everything that makes the world must have run."""
    for name in ("presence", "acts", "records", "results"):
        engine.run(f"truth_{name}")
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
