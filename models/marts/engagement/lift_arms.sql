{%- set types = [] -%}
{%- for spec in conversion_specs() %}{% do types.append([text_literal(spec.name)]) %}{% endfor -%}

-- each arm's mean of each metric, and the sums that its comparison with the other arm needs
with sizes as (

    select experiment, 'treated' as arm, treated_persons as persons
    from {{ ref('experiments') }}
    where status = 'measured'

    union all

    select experiment, 'holdout' as arm, holdout_persons as persons
    from {{ ref('experiments') }}
    where status = 'measured'

),

types as (

    {{ rows_of({'conversion_type': 'string'}, types) }}

),

-- y is what is measured, x the same in the time before,
-- d what it is divided by where that is not the number of people
outcomes as (

    select
        experiment,
        arm,
        conversion_type,
        'conversion_rate' as metric,
        case when conversions > 0 then 1e0 else 0e0 end as y,
        case when conversions_before > 0 then 1e0 else 0e0 end as x,
        0e0 as d
    from {{ ref('experiment_outcomes') }}

    union all

    select
        experiment, arm, conversion_type, 'value_per_person' as metric,
        value as y, value_before as x, 0e0 as d
    from {{ ref('experiment_outcomes') }}

    union all

    select
        experiment,
        arm,
        conversion_type,
        'value_per_conversion' as metric,
        value as y,
        0e0 as x,
        1e0 * conversions as d
    from {{ ref('experiment_outcomes') }}

),

sums as (

    select
        experiment,
        arm,
        conversion_type,
        metric,
        sum(y) as y,
        sum(y * y) as yy,
        sum(x) as x,
        sum(x * x) as xx,
        sum(x * y) as xy,
        sum(d) as d,
        sum(d * d) as dd,
        sum(y * d) as yd
    from outcomes
    group by experiment, arm, conversion_type, metric

),

metrics as (

    select 'conversion_rate' as metric, false as is_ratio
    union all
    select 'value_per_person' as metric, false as is_ratio
    union all
    select 'value_per_conversion' as metric, true as is_ratio

),

-- who did nothing counts, too: the number of people is the arm's
filled as (

    select
        sizes.experiment,
        types.conversion_type,
        metrics.metric,
        metrics.is_ratio,
        sizes.arm,
        1e0 * sizes.persons as persons,
        coalesce(sums.y, 0) as y,
        coalesce(sums.yy, 0) as yy,
        coalesce(sums.x, 0) as x,
        coalesce(sums.xx, 0) as xx,
        coalesce(sums.xy, 0) as xy,
        case when metrics.is_ratio then coalesce(sums.d, 0) else 1e0 * sizes.persons end as d,
        case when metrics.is_ratio then coalesce(sums.dd, 0) else 1e0 * sizes.persons end as dd,
        case when metrics.is_ratio then coalesce(sums.yd, 0) else coalesce(sums.y, 0) end as yd
    from sizes
    cross join types
    cross join metrics
    left join sums
        on sizes.experiment = sums.experiment
        and sizes.arm = sums.arm
        and types.conversion_type = sums.conversion_type
        and metrics.metric = sums.metric

),

-- a ratio of fewer than 30 conversions tells nothing; a mean is of 30 people at least
with_mean as (

    select *, case when d >= 30 then y / d end as mean
    from filled

),

-- of a ratio the variance of what is left of y beside its denominator (delta method);
-- of a mean it is the usual one
final as (

    select
        experiment,
        conversion_type,
        metric,
        is_ratio,
        arm,
        persons,
        mean,
        y as total,
        case
            when mean is not null
                then greatest(yy - 2 * mean * yd + mean * mean * dd, 0) / (persons - 1) / persons
                    / nullif((d / persons) * (d / persons), 0)
        end as mean_variance,
        x / persons as mean_before,
        greatest(xx - x * x / persons, 0) as squares_before,
        xy - x * y / persons as products,
        greatest(yy - y * y / persons, 0) as squares
    from with_mean

)

select * from final
