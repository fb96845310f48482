{%- set days = ga4_changed_days() -%}
{{ config(**built_by_day(retyped="{'first_order': 'wide_int', 'last_order': 'wide_int'}")) }}
{%- do overwrites_days(days) -%}

-- a run: what a device did in a row, within a day, while one user id was set in one session
with logins as (

    select
        event_key,
        property_id,
        user_pseudo_id as device_id,
        coalesce(user_pseudo_id, concat('user ', user_id)) as device_key,
        user_id,
        session_key,
        event_date,
        event_at,
        event_order
    from {{ ref('stg_ga4__events') }}
    where {{ ga4_in_days(days) }} and user_id is not null

),

with_previous as (

    select
        *,
        lag(user_id) over in_order as previous_user_id,
        lag(coalesce(session_key, '')) over in_order as previous_session_key
    from logins
    window in_order as (partition by event_date, device_key order by event_order, event_key)

),

numbered as (

    select
        *,
        sum(
            case
                when user_id = previous_user_id and coalesce(session_key, '') = previous_session_key
                    then 0
                else 1
            end
        ) over (
            partition by event_date, device_key order by event_order, event_key
            rows between unbounded preceding and current row
        ) as run_number
    from with_previous

),

final as (

    select
        {{ surrogate_key(['device_key', 'event_date', 'run_number']) }} as login_key,
        min(device_id) as device_id,
        event_date,
        user_id,
        session_key,
        min(property_id) as property_id,
        min(event_at) as first_at,
        max(event_at) as last_at,
        min(event_order) as first_order,
        max(event_order) as last_order,
        count(*) as events
    from numbered
    group by device_key, event_date, run_number, user_id, session_key

)

select * from final
