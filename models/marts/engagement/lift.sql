-- what sending changed: the treated arm against the holdout, by conversion type and metric
with arms as (

    select *
    from {{ ref('lift_arms') }}

),

-- how much of the outcome the time before tells, over both arms (CUPED)
paired as (

    select
        treated.experiment,
        treated.conversion_type,
        treated.metric,
        treated.is_ratio,
        treated.persons as treated_persons,
        holdout.persons as holdout_persons,
        treated.total + holdout.total as total,
        case when treated.metric = 'conversion_rate' then treated.total end as treated_converted,
        case when treated.metric = 'conversion_rate' then holdout.total end as holdout_converted,
        treated.mean as treated_mean,
        holdout.mean as holdout_mean,
        treated.mean - holdout.mean as difference,
        treated.mean_variance as treated_variance,
        holdout.mean_variance as holdout_variance,
        treated.mean_before - holdout.mean_before as difference_before,
        treated.squares as treated_squares,
        holdout.squares as holdout_squares,
        treated.products as treated_products,
        holdout.products as holdout_products,
        treated.squares_before as treated_squares_before,
        holdout.squares_before as holdout_squares_before,
        coalesce((treated.products + holdout.products)
        / nullif(treated.squares_before + holdout.squares_before, 0), 0) as theta
    from arms as treated
    inner join arms as holdout
        on treated.experiment = holdout.experiment
        and treated.conversion_type = holdout.conversion_type
        and treated.metric = holdout.metric
    where treated.arm = 'treated' and holdout.arm = 'holdout'

),

adjusted as (

    select
        *,
        difference - theta * difference_before as adjusted_difference,
        case
            when is_ratio then treated_variance
            else greatest(
                treated_squares
                - 2 * theta * treated_products
                + theta * theta * treated_squares_before,
                0
            ) / (treated_persons - 1) / treated_persons
        end as treated_adjusted,
        case
            when is_ratio then holdout_variance
            else greatest(
                holdout_squares
                - 2 * theta * holdout_products
                + theta * theta * holdout_squares_before,
                0
            ) / (holdout_persons - 1) / holdout_persons
        end as holdout_adjusted
    from paired

),

with_errors as (

    select
        *,
        sqrt(treated_variance + holdout_variance) as error,
        sqrt(treated_adjusted + holdout_adjusted) as adjusted_error,
        {{ welch_df('treated_variance', 'treated_persons', 'holdout_variance', 'holdout_persons') }}
            as df,
        {{ welch_df('treated_adjusted', 'treated_persons', 'holdout_adjusted', 'holdout_persons') }}
            as adjusted_df,
        {{ relative_error() }} as relative_error
    from adjusted

),

with_tests as (

    select
        *,
        {{ t_quantile('df') }} as quantile,
        {{ t_quantile('adjusted_df') }} as adjusted_quantile,
        {{ anytime_half_width('adjusted_error', '(treated_persons + holdout_persons)') }}
            as anytime_half_width,
        {{ t_logarithm('(adjusted_difference / nullif(adjusted_error, 0))', 'adjusted_df') }}
            as logarithm
    from with_errors

),

with_z as (

    select *, {{ normal_of_t('logarithm', 'adjusted_df') }} as z
    from with_tests

),

with_p as (

    select *, case when adjusted_error > 0 then {{ normal_p_value('z') }} end as p
    from with_z

),

-- Benjamini and Hochberg over the experiments
ranked as (

    select
        *,
        count(p) over (partition by conversion_type, metric) as tests,
        row_number() over (
            partition by conversion_type, metric order by coalesce(p, 2), experiment
        ) as p_rank
    from with_p

),

controlled as (

    select
        *,
        case when p is not null then min(p * tests / p_rank) over (
            partition by conversion_type, metric
            order by p_rank desc
            rows between unbounded preceding and current row
        ) end as q
    from ranked

),

final as (

    {{ lift_columns() }}

)

select * from final
