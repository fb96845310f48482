-- what was expected of the conversions of a month when it was over, beside what became of them
-- a type's curve is whole from when its first conversion has waited as long as any may
with histories as (

    select
        conversion_type,
        min(converted_at) as first_at,
        max(coalesce({{ seconds_between('converted_at', 'verify_by') }}, 0)) as longest_wait
    from {{ ref('conversions') }}
    group by conversion_type

),

expectations as (

    select
        *,
        {{ month_before('conversion_date', 0) }} as conversion_month
    from {{ ref('conversion_expectations') }}

),

decided as (

    select
        conversion_type,
        conversion_key,
        state,
        expected_value as final_value
    from expectations
    where is_now

),

-- a month is decided when none of its conversions waits any more and the
-- last may no longer be taken back
final_months as (

    select
        decided.conversion_type,
        decided.conversion_key,
        case
            when conversions.verified_at is null then 0
            else coalesce(conversions.verified_value, 0)
        end as final_value,
        decided.state = 'verified' as is_verified_in_the_end,
        decided.state <> 'pending'
        and coalesce(
            {{ seconds_between('conversions.verified_at', as_of()) }}
            >= {{ var('maturity_reversal_days') }} * 86400,
            true
        ) as is_decided
    from decided
    inner join {{ ref('conversions') }} as conversions
        on decided.conversion_key = conversions.conversion_key

),

months as (

    select
        expectations.looked_at,
        expectations.conversion_type,
        expectations.channel_group,
        expectations.conversion_month,
        count(*) as conversions,
        count(case when expectations.state = 'pending' then 1 end) as pending,
        count(case when not final_months.is_decided then 1 end) as undecided,
        {% for name, last in {
            'conversions': ['final_probability', 'final_variance', 'final_error'],
            'value': ['expected_value', 'expected_value_variance', 'expected_value_error']
        }.items() -%}
        sum(expectations.{{ last[0] }}) as expected_{{ name }},
        sqrt(
            sum(expectations.{{ last[1] }})
            + sum(expectations.{{ last[2] }}) * sum(expectations.{{ last[2] }})
        ) as {{ name }}_deviation,
        {% endfor -%}
        cast(count(case when final_months.is_verified_in_the_end then 1 end) as {{ float64() }})
            as final_conversions,
        sum(final_months.final_value) as final_value
    from expectations
    inner join final_months on expectations.conversion_key = final_months.conversion_key
    where
        not expectations.is_now
        and expectations.conversion_month
            = {{ month_before(local_date('expectations.looked_at'), 1) }}
    group by
        expectations.looked_at, expectations.conversion_type,
        expectations.channel_group, expectations.conversion_month

),

final as (

    select
        months.looked_at,
        months.conversion_type,
        months.channel_group,
        months.conversion_month,
        months.conversions,
        months.pending,
        months.undecided = 0 as is_decided,
        {{ seconds_between('first_at', 'looked_at') }} >= longest_wait as is_curve_whole,
        {% for name in ['conversions', 'value'] -%}
        {%- set digits = 4 -%}
        round(expected_{{ name }}, {{ digits }}) as expected_{{ name }},
        round(
            greatest(expected_{{ name }} - {{ width_of_90_percent() }} * {{ name }}_deviation, 0),
            {{ digits }}
        ) as expected_{{ name }}_low,
        round(
            expected_{{ name }} + {{ width_of_90_percent() }} * {{ name }}_deviation, {{ digits }}
        ) as expected_{{ name }}_high,
        round(final_{{ name }}, {{ digits }}) as final_{{ name }},
        {% endfor -%}
        final_conversions between
        expected_conversions - {{ width_of_90_percent() }} * conversions_deviation
        and expected_conversions + {{ width_of_90_percent() }} * conversions_deviation
            as conversions_are_within,
        final_value between
        expected_value - {{ width_of_90_percent() }} * value_deviation - 0.01
        and expected_value + {{ width_of_90_percent() }} * value_deviation + 0.01 as value_is_within
    from months
    inner join histories on months.conversion_type = histories.conversion_type

)

select * from final
