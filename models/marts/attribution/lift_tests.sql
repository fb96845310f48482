-- what holdouts and geo tests found, by week, under the names that PyMC-Marketing and Meridian take
with results as (

    select
        test,
        channel_group,
        {{ safe_cast_as('first_date', 'date') }} as first_date,
        {{ safe_cast_as('last_date', 'date') }} as last_date,
        {{ safe_cast_as('spend_change', float64()) }} as spend_change,
        {{ safe_cast_as('conversions_change', float64()) }} as conversions_change,
        {{ safe_cast_as('standard_error', float64()) }} as standard_error
    from {{ list_of('lift_test_results') }}

),

with_weeks as (

    select *, ({{ days_between('first_date', 'last_date') }} + 1) / 7.0 as weeks
    from results

),

spent as (

    select
        results.test,
        results.channel_group,
        sum(days.cost) as spend
    from results
    inner join {{ ref('campaign_days') }} as days
        on results.channel_group = days.channel_group
        and days.activity_date between results.first_date and results.last_date
    group by results.test, results.channel_group

),

worths as (

    select sum(verified_value) / nullif(count(*), 0) as value_per_conversion
    from {{ ref('conversions') }}

),

final as (

    select
        with_weeks.test,
        with_weeks.channel_group as channel,
        with_weeks.first_date,
        with_weeks.last_date,
        round((coalesce(spent.spend, 0) - with_weeks.spend_change) / with_weeks.weeks, 4) as x,
        round(with_weeks.spend_change / with_weeks.weeks, 4) as delta_x,
        round(with_weeks.conversions_change / with_weeks.weeks, 6) as delta_y,
        round(with_weeks.standard_error / with_weeks.weeks, 6) as sigma,
        round(
            with_weeks.conversions_change * worths.value_per_conversion
            / nullif(with_weeks.spend_change, 0),
            6
        ) as roi_mean,
        round(
            with_weeks.standard_error
            * worths.value_per_conversion
            / nullif(abs(with_weeks.spend_change), 0),
            6
        ) as roi_sigma
    from with_weeks
    cross join worths
    left join spent
        on with_weeks.test = spent.test
        and with_weeks.channel_group = spent.channel_group

)

select * from final
