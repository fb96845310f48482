-- every event that has a session is counted in it, once
with staged as (

    select count(*) as events
    from {{ ref('stg_ga4__events') }}
    where session_key is not null

),

counted as (

    select coalesce(sum(events), 0) as events
    from {{ ref('sessions') }}

)

select staged.events as staged_events, counted.events as session_events
from staged
cross join counted
where staged.events <> counted.events
