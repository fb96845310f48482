{# The degrees of freedom of Welch and Satterthwaite. Null where nothing varies. #}
{% macro welch_df(one_variance, one_persons, other_variance, other_persons) -%}
    (({{ one_variance }} + {{ other_variance }}) * ({{ one_variance }} + {{ other_variance }})
        / nullif(
            {{ one_variance }} * {{ one_variance }} / ({{ one_persons }} - 1)
            + {{ other_variance }} * {{ other_variance }} / ({{ other_persons }} - 1),
            0
        ))
{%- endmacro %}


{#
    The standard error of the relative difference, by the delta method:
    the holdout's mean, by which it is divided, is itself uncertain.
#}
{% macro relative_error() -%}
    sqrt(
        treated_variance / nullif(holdout_mean * holdout_mean, 0)
        + treated_mean
        * treated_mean
        * holdout_variance
        / nullif(holdout_mean * holdout_mean * holdout_mean * holdout_mean, 0)
    )
{%- endmacro %}


{#
    The figures of `lift`. A share has Newcombe's interval, a mean and a ratio have Welch's. There
    is no figure where no person of either arm has an outcome, or where an arm has fewer than 30
    conversions to divide by.
#}
{% macro lift_columns() -%}
    {%- set half, adjusted_half = 'quantile * error', 'adjusted_quantile * adjusted_error' -%}
    {%- set plain = {
        'difference_low': 'difference - ' ~ half, 'difference_high': 'difference + ' ~ half
    } -%}
    {%- set converted = [
        'treated_converted', 'treated_persons', 'holdout_converted', 'holdout_persons'
    ] -%}
    {%- set of_rates = {
        'difference_low': newcombe_bound(*converted, side='-'),
        'difference_high': newcombe_bound(*converted, side='+')
    } -%}
    select
        experiment,
        conversion_type,
        metric,
        case
            when treated_mean is null or holdout_mean is null then 'too_few_conversions'
            when total = 0 then 'no_outcomes'
            else 'measured'
        end as status,
        cast(treated_persons as int64) as treated_persons,
        cast(holdout_persons as int64) as holdout_persons,
        {{ rounded_by_metric('treated_mean') }} as treated,
        {{ rounded_by_metric('holdout_mean') }} as holdout,
        {{ rounded_by_metric('difference') }} as difference,
        {%- for name in plain %}
        case
            when metric = 'conversion_rate' then {{ six_decimals(of_rates[name]) }}
            else {{ rounded_by_metric(plain[name]) }}
        end as {{ name }},
        {%- endfor %}
        case when not is_ratio then {{ rounded_by_metric('adjusted_difference') }} end
            as adjusted_difference,
        case
            when not is_ratio then {{ rounded_by_metric('adjusted_difference - ' ~ adjusted_half) }}
        end as adjusted_low,
        case
            when not is_ratio then {{ rounded_by_metric('adjusted_difference + ' ~ adjusted_half) }}
        end as adjusted_high,
        case
            when not is_ratio
                then {{ six_decimals(
                    '1 - adjusted_error * adjusted_error / nullif(error * error, 0)'
                ) }}
        end as variance_saved,
        {{ six_decimals('p') }} as p_value,
        {{ six_decimals('q') }} as q_value,
        coalesce(q < 0.05, false) as is_significant,
        {{ rounded_by_metric('adjusted_difference - anytime_half_width') }} as anytime_low,
        {{ rounded_by_metric('adjusted_difference + anytime_half_width') }} as anytime_high,
        {{ six_decimals('difference / nullif(holdout_mean, 0)') }} as relative_lift,
        {{ six_decimals('difference / nullif(holdout_mean, 0) - quantile * relative_error') }}
            as relative_low,
        {{ six_decimals('difference / nullif(holdout_mean, 0) + quantile * relative_error') }}
            as relative_high,
        case when not is_ratio then round(1e2 * adjusted_difference * treated_persons) / 1e2 end
            as incremental,
        case
            when not is_ratio
                then round(1e2 * (adjusted_difference - {{ adjusted_half }}) * treated_persons)
                    / 1e2
        end as incremental_low,
        case
            when not is_ratio
                then round(1e2 * (adjusted_difference + {{ adjusted_half }}) * treated_persons)
                    / 1e2
        end as incremental_high
    from controlled
{%- endmacro %}
