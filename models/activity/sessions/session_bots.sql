{%- set limits = bot_limits() -%}
{{ config(materialized='days_when_changed', partition_by=partitioned_by_day('session_date')) }}

with session_totals as (

    select
        session_key, device_id, session_date, started_at,
        ended_at, page_views, browser, hostname, country, city,
        landing_referrer, touch_source, engaged_parameter, engagement_seconds
    from {{ ref('session_totals') }}
    where {{ of_days_to_build('session_date in {days}') }}

),

browsers as (

    select distinct browser
    from session_totals
    where browser is not null

),

bot_browsers as (

    select distinct browsers.browser
    from browsers
    cross join {{ list_of('bot_browsers') }} as patterns
    where {{ regex_matches_column('lower(browsers.browser)', 'patterns.pattern') }}

),

device_days as (

    select
        device_id,
        session_date,
        count(*) as sessions,
        sum(page_views) as page_views
    from session_totals
    group by device_id, session_date

),

measured as (

    select
        session_totals.*,
        device_days.sessions as device_day_sessions,
        device_days.page_views as device_day_views,
        {{ seconds_between('session_totals.started_at', 'session_totals.ended_at') }} as seconds,
        bot_browsers.browser is not null as has_bot_browser,
        data_centres.city is not null as is_in_data_centre
    from session_totals
    left join device_days
        on session_totals.device_id = device_days.device_id
        and session_totals.session_date = device_days.session_date
    left join bot_browsers on session_totals.browser = bot_browsers.browser
    left join {{ list_of('data_centre_cities') }} as data_centres
        on session_totals.country = data_centres.country
        and session_totals.city = data_centres.city

),

-- the strongest evidence speaks; a city of data centres is none by itself
flagged as (

    select
        session_key,
        session_date,
        case
            when has_bot_browser then 'browser'
            {% if var('own_hostnames') -%}
            when hostname is not null
                {%- for host in var('own_hostnames') %}
                and not {{ is_of_host('hostname', host) }}
                {%- endfor %} then 'foreign_hostname'
            {% endif -%}
            {% if limits.seconds_per_view is not none -%}
            when page_views >= {{ limits.views_for_speed }}
                and seconds < page_views * {{ limits.seconds_per_view }} then 'speed'
            {% endif -%}
            {% for limit, column in [
                ('session_views', 'page_views'),
                ('device_day_sessions', 'device_day_sessions'),
                ('device_day_views', 'device_day_views'),
            ] if limits[limit] is not none -%}
            when {{ column }} > {{ limits[limit] }} then 'volume'
            {% endfor -%}
            when is_in_data_centre
                and page_views <= 1
                and engaged_parameter = 0
                and coalesce(engagement_seconds, 0) < 1
                and touch_source is null
                and landing_referrer is null then 'data_centre'
        end as bot_reason
    from measured

),

final as (

    select *
    from flagged
    where bot_reason is not null

)

select * from final
