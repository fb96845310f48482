with stopped as (

    select
        funnel,
        step_number,
        step,
        reason,
        last_channel_group as channel_group,
        state,
        person_id,
        is_reachable,
        has_unlisted_reason,
        {{ quantile_over('days_since', 0.5, 'funnel, step_number, reason, last_channel_group') }}
            as median_days_since
    from {{ ref('funnel_dropoff') }}

),

final as (

    select
        funnel,
        step_number,
        min(step) as step,
        reason,
        channel_group,
        count(*) as dropoffs,
        count(case when state = 'lost' then 1 end) as lost,
        count(case when state = 'open' then 1 end) as ended_before_the_window,
        count(person_id) as known_persons,
        count(case when is_reachable then 1 end) as reachable,
        count(case when has_unlisted_reason then 1 end) as unlisted_reasons,
        max(median_days_since) as median_days_since
    from stopped
    group by funnel, step_number, reason, channel_group

)

select * from final
