{%- set rows = madang.message_rows() -%}

-- the messages that syncs asked for, by the ledger, and whether the sending tool has reported them
with campaigns as (

    {{ rows_of(
        {'sync': 'string', 'purpose': 'string', 'audience': 'string', 'campaign_id': 'string'},
        rows.campaigns,
    ) }}

),

-- what a trigger starts: a campaign, a Canvas, or what is behind an endpoint
scenarios as (

    {{ rows_of(
        {'sync': 'string', 'purpose': 'string', 'scenario': 'string', 'campaign_id': 'string'},
        rows.scenarios,
    ) }}

),

entry_syncs as (

    {{ rows_of({'sync': 'string', 'purpose': 'string'}, rows.entries) }}

),

deliveries as (

    select
        deliveries.sync,
        deliveries.sync_key,
        deliveries.field,
        max(deliveries.channel) as channel,
        max(coalesce(plans.as_of, deliveries.recorded_at)) as requested_at
    from {{ ref('stg_sync__deliveries') }} as deliveries
    left join {{ ref('stg_sync__plans') }} as plans on deliveries.plan_id = plans.plan_id
    where
        deliveries.status in ('accepted', 'unknown')
        and deliveries.sync in ({{ text_literals(rows.syncs) }})
    group by deliveries.sync, deliveries.sync_key, deliveries.field

),

-- the key of a message holds the person_id of its time
messages as (

    select distinct
        campaigns.sync,
        campaigns.purpose,
        campaigns.audience,
        campaigns.campaign_id,
        identifiers.person_id,
        versions.dbt_valid_from as entered_at,
        {{ message_of_entry(
            'campaigns.campaign_id', 'former.identifier_key', 'versions.dbt_valid_from'
        ) }} as sync_key
    from campaigns
    inner join {{ ref('audience_member_versions') }} as versions
        on campaigns.audience = versions.audience
        and versions.is_member
    inner join {{ ref('person_identifiers') }} as identifiers
        on versions.anchor_key = identifiers.identifier_key
    inner join {{ ref('person_identifiers') }} as former on identifiers.person_id = former.person_id

),

-- by the key of now, and by those of the persons who became one
triggers as (

    select scenarios.*, present.person_id, present.trigger_key as sync_key
    from scenarios
    inner join {{ ref('scenario_triggers') }} as present on scenarios.scenario = present.scenario

    union distinct

    select scenarios.*, former.person_id, former.former_key as sync_key
    from scenarios
    inner join (
        {{ former_triggers() }}
    ) as former on scenarios.scenario = former.scenario

),

-- an entry into a journey names its person by a customer number
requested as (

    select
        deliveries.*,
        messages.audience,
        triggers.scenario,
        coalesce(messages.campaign_id, triggers.campaign_id) as campaign_id,
        messages.entered_at,
        coalesce(messages.purpose, triggers.purpose, entry_syncs.purpose) as purpose,
        coalesce(messages.person_id, triggers.person_id, numbers.person_id) as person_id
    from deliveries
    left join messages
        on deliveries.sync = messages.sync
        and deliveries.sync_key = messages.sync_key
    left join triggers
        on deliveries.sync = triggers.sync
        and deliveries.sync_key = triggers.sync_key
    left join entry_syncs on deliveries.sync = entry_syncs.sync
    left join {{ ref('customer_numbers') }} as numbers
        on deliveries.sync_key = numbers.customer_no
        and entry_syncs.sync is not null

),

reported as (

    select
        person_id, coalesce(campaign_id, canvas_id) as campaign_id, max(sent_at) as last_sent_at
    from {{ ref('person_messages') }}
    where campaign_id is not null or canvas_id is not null
    group by person_id, coalesce(campaign_id, canvas_id)

),

-- five minutes for clocks that differ
final as (

    select
        requested.sync,
        requested.sync_key,
        requested.field,
        requested.person_id,
        requested.purpose,
        requested.channel,
        requested.audience,
        requested.scenario,
        requested.campaign_id,
        requested.entered_at,
        requested.requested_at,
        coalesce(
            {{ micros_of('reported.last_sent_at') }}
            >= {{ micros_of('requested.requested_at') }} - 300000000,
            false
        ) as is_reported
    from requested
    left join reported
        on requested.person_id = reported.person_id
        and requested.campaign_id = reported.campaign_id
    where requested.person_id is not null

)

select * from final
