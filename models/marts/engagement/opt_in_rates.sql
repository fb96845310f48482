-- who had said yes at the end of each month;
-- every group has every month from its first on, also where nothing happened
with changes as (

    select
        *,
        coalesce(cast(cohort_month as string), '') as cohort,
        {{ timestamp_from_local_text('cast(month as string)') }} as month_at
    from {{ ref('opt_in_changes') }}

),

months as (

    {{ months_since('changes', 'month_at') }}

),

grid as (

    select
        of_groups.channel,
        of_groups.purpose,
        of_groups.cohort,
        of_groups.cohort_month,
        of_groups.asked_by,
        months.month,
        months.is_complete
    from (
        select channel, purpose, cohort, cohort_month, asked_by, min(month) as first_month
        from changes
        group by channel, purpose, cohort, cohort_month, asked_by
    ) as of_groups
    inner join months on of_groups.first_month <= months.month

),

with_changes as (

    select
        grid.*,
        coalesce(changes.people, 0) as people_more,
        coalesce(changes.granted, 0) as granted,
        coalesce(changes.withdrawn, 0) as withdrawn
    from grid
    left join changes
        on grid.channel = changes.channel
        and grid.purpose = changes.purpose
        and grid.cohort = changes.cohort
        and grid.asked_by = changes.asked_by
        and grid.month = changes.month

),

running as (

    select
        *,
        cast(sum(people_more) over (
            partition by channel, purpose, cohort, asked_by order by month
        ) as int64) as people,
        cast(
            sum(granted - withdrawn) over (
                partition by channel, purpose, cohort, asked_by order by month
            ) as int64
        ) as opted_in
    from with_changes

),

final as (

    select
        channel,
        purpose,
        month,
        cohort_month,
        cohort_month is not null as is_member,
        asked_by,
        is_complete,
        people,
        opted_in - granted + withdrawn as opted_in_at_start,
        granted,
        withdrawn,
        opted_in,
        {{ rate_columns('opt_in_rate', 'opted_in', 'people') }},
        {{ rate_columns('churn_rate', 'withdrawn', '(opted_in + withdrawn)') }}
    from running

)

select * from final
