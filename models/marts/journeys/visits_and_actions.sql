-- who came when, from where, and did what; the tables of activities and sessions in one
with activities as (

    select *
    from {{ ref('activities') }}

),

sessions as (

    select session_key, source, medium, landing_page, landing_path
    from {{ ref('sessions') }}

),

customers as (

    select person_id, tier
    from {{ ref('customers') }}

),

-- the open end is a far date: with "or" a join by range compares every row with every other
tiers as (

    select person_id, tier, valid_from, coalesce(valid_to, {{ far_future() }}) as valid_to
    from {{ ref('tier_history') }}

),

final as (

    select
        -- who
        activities.activity_id,
        activities.person_id,
        activities.device_id,
        activities.person_id is not null as is_known,
        tiers.tier,
        customers.tier as tier_now,

        -- when
        activities.occurred_at,
        {{ local_time_text('activities.occurred_at') }} as local_time,
        activities.activity_date,

        -- from where
        activities.session_key,
        activities.channel_group,
        sessions.source,
        sessions.medium,
        activities.campaign,
        sessions.landing_page,
        sessions.landing_path,

        -- what
        activities.source as activity_source,
        activities.action,
        activities.object_type,
        activities.object_id,
        activities.object_name,
        activities.value,
        activities.currency
    from activities
    left join sessions on activities.session_key = sessions.session_key
    left join customers on activities.person_id = customers.person_id
    left join tiers
        on activities.person_id = tiers.person_id
        and activities.occurred_at >= tiers.valid_from
        and activities.occurred_at < tiers.valid_to

)

select * from final
