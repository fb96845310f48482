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

final as (

    select
        -- who
        activities.activity_id,
        activities.person_id,
        activities.device_id,
        activities.person_id is not null as is_known,
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

)

select * from final
