-- completion and cancellation over time, with 90 % intervals
with strata as (

    select
        stratum_key,
        min(looked_at) as looked_at,
        {{ any_true('is_now') }} as is_now,
        min(conversion_type) as conversion_type,
        min(transition) as transition,
        min(channel_group) as channel_group,
        count(*) as conversions,
        count(cause) as ended
    from {{ ref('maturity_transitions') }}
    group by stratum_key

),

days as (

    select *, {{ width_of_90_percent() }} * incidence_1_error as half_width
    from {{ ref('maturity_days') }}

),

final as (

    select
        strata.stratum_key,
        strata.looked_at,
        strata.is_now,
        strata.conversion_type,
        strata.transition,
        strata.channel_group,
        strata.channel_group is null as is_pooled,
        strata.conversions,
        strata.ended,
        days.day,
        days.at_risk,
        days.events_1 as ended_1,
        days.events_2 as ended_2,
        days.remaining as waiting_share,
        days.incidence_1 as share_1,
        round(greatest(days.incidence_1 - days.half_width, 0), 9) as share_1_low,
        round(least(days.incidence_1 + days.half_width, 1), 9) as share_1_high,
        days.incidence_2 as share_2,
        days.probability_after,
        days.probability_after_error
    from days
    inner join strata on days.stratum_key = strata.stratum_key

)

select * from final
