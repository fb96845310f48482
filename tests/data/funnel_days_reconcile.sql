-- every entry is in funnel_days, once, in its state;
-- where all ended, the incidence is the plain rate
with shown as (

    select
        funnel,
        sum(entries) as entries,
        sum(converted_entries) as converted,
        sum(lost_entries) as lost,
        sum(open_entries) as still_open,
        count(case
            when open_entries = 0 and abs(conversion_rate - conversion_incidence) > 1e-9 then 1
        end) as unequal
    from {{ ref('funnel_days') }}
    group by funnel

),

counted as (

    select
        funnel,
        count(*) as entries,
        count(case when state = 'converted' then 1 end) as converted,
        count(case when state = 'lost' then 1 end) as lost,
        count(case when state = 'open' then 1 end) as still_open
    from {{ ref('funnel_entries') }}
    group by funnel

)

select
    coalesce(shown.funnel, counted.funnel) as funnel,
    shown.entries,
    counted.entries as entries_there
from shown
full outer join counted on shown.funnel = counted.funnel
where
    coalesce(shown.entries, 0) <> coalesce(counted.entries, 0)
    or coalesce(shown.converted, 0) <> coalesce(counted.converted, 0)
    or coalesce(shown.lost, 0) <> coalesce(counted.lost, 0)
    or coalesce(shown.still_open, 0) <> coalesce(counted.still_open, 0)
    or coalesce(shown.unequal, 0) > 0
