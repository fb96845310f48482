-- every item belongs to an event that was kept, of the same day;
-- both are read for the days that were built last
{%- set days = ga4_days_built_last() %}

with events as (

    select event_key, event_date
    from {{ ref('stg_ga4__events') }}
    where {{ ga4_in_days(days) }}

),

items as (

    select distinct event_key, event_date
    from {{ ref('stg_ga4__items') }}
    where {{ ga4_in_days(days) }}

)

select items.event_key, items.event_date
from items
left join events
    on items.event_key = events.event_key
    and items.event_date = events.event_date
where events.event_key is null
