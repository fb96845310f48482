{%- set names = ['source', 'medium', 'campaign', 'channel_group'] -%}
{%- set until_now = 'rows between unbounded preceding and current row' -%}
{%- set days = var('last_non_direct_days') -%}

with session_channels as (

    select session_key, device_id, started_at, source, medium, campaign, channel_group, has_touch
    from {{ ref('session_channels') }}

),

session_persons as (

    select session_key, person_id
    from {{ ref('session_persons') }}

),

-- whom GA4 itself calls direct, or who brought nothing of their own:
-- only they need an answer from before
by_device as (

    select
        session_key,
        device_id,
        started_at,
        has_touch,
        {{ last_touch('session_key', 'device_id', until_now) }} as touch_key,
        {{ last_touch('started_at', 'device_id', until_now) }} as touch_at
    from session_channels

),

by_person as (

    select
        session_channels.session_key,
        session_channels.started_at,
        {{ last_touch(
            'session_channels.session_key',
            'session_persons.person_id', until_now, 'session_channels'
        ) }} as touch_key,
        {{ last_touch(
            'session_channels.started_at',
            'session_persons.person_id', until_now, 'session_channels'
        ) }} as touch_at
    from session_channels
    inner join session_persons on session_channels.session_key = session_persons.session_key

),

-- an answer is as old as the click, and forgotten after the lookback
asking as (

    select
        by_device.session_key,
        case
            when by_device.touch_at
                >= {{ timestamp_plus('by_device.started_at', '-' ~ days, 'day') }}
                then by_device.touch_key
        end as device_touch_key,
        case
            when by_person.touch_at
                >= {{ timestamp_plus('by_person.started_at', '-' ~ days, 'day') }}
                then by_person.touch_key
        end as person_touch_key
    from by_device
    left join by_person on by_device.session_key = by_person.session_key
    where not by_device.has_touch

),

final as (

    select
        asking.session_key,
        asking.device_touch_key,
        {% for name in names -%}
        device_touches.{{ name }} as device_{{ name }},
        {% endfor -%}
        asking.person_touch_key,
        {% for name in names -%}
        person_touches.{{ name }} as person_{{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from asking
    left join session_channels as device_touches
        on asking.device_touch_key = device_touches.session_key
    left join session_channels as person_touches
        on asking.person_touch_key = person_touches.session_key
    where asking.device_touch_key is not null or asking.person_touch_key is not null

)

select * from final
