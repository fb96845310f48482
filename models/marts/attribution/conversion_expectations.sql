{%- set probability = {'waiting': 'verification', 'standing': 'reversal'} -%}

-- what each conversion is expected to be worth in the end, with its variance in parts that add up
with cases as (

    select
        *,
        {% for name, of in probability.items() -%}
        {% for channel in ['maturity_channel', 'cast(null as string)'] -%}
        {{ surrogate_key([micros_of('looked_at'), 'conversion_type', "'" ~ of ~ "'", channel]) }}
            as {{ name }}_{{ 'own' if loop.first else 'pooled' }}_key,
        {% endfor -%}
        {% endfor -%}
        {{ maturity_days() }} as longest
    from {{ ref('maturity_cases') }}

),

last_days as (

    select stratum_key, max(day) as last_day
    from {{ ref('maturity_days') }}
    group by stratum_key

),

-- a channel's own curve, else that of all channels; after its last day nothing happens any more
chosen as (

    select
        cases.*,
        {% for name in probability -%}
        case when {{ name }}_own.stratum_key is not null then cases.{{ name }}_own_key
            else cases.{{ name }}_pooled_key end as {{ name }}_key,
        {{ name }}_own.stratum_key is null as {{ name }}_is_pooled,
        coalesce({{ name }}_own.last_day, {{ name }}_pooled.last_day)
            as {{ name }}_last_day{{ ',' if not loop.last }}
        {% endfor %}
    from cases
    {% for name in probability -%}
    left join last_days as {{ name }}_own on cases.{{ name }}_own_key = {{ name }}_own.stratum_key
    left join last_days as {{ name }}_pooled
        on cases.{{ name }}_pooled_key = {{ name }}_pooled.stratum_key
    {% endfor %}
),

-- what a verified one is worth for each unit of its value online
verified_cases as (

    select
        looked_at, conversion_type, verified_value / online_value as worth,
        avg(verified_value / online_value) over (partition by looked_at, conversion_type)
            as mean_worth
    from cases
    where state = 'verified' and online_value > 0 and verified_value is not null

),

-- where all are worth the same, the mean of squares less the squared mean is only rounding errors
worths as (

    select
        looked_at, conversion_type,
        round(min(mean_worth), 12) as mean_worth,
        round(avg(worth * worth), 12) as mean_square_worth,
        round(avg((worth - mean_worth) * (worth - mean_worth)) / count(*), 15)
            as mean_worth_variance
    from verified_cases
    group by looked_at, conversion_type

),

with_probability as (

    select
        chosen.*,
        coalesce(worths.mean_worth, 1) as mean_worth,
        coalesce(worths.mean_square_worth, 1) as mean_square_worth,
        coalesce(worths.mean_worth_variance, 0) as worth_variance,
        case
            when chosen.state = 'pending' then coalesce(waiting.probability_after, 0)
            when chosen.state = 'verified' then 1
            else 0
        end as verified_probability,
        case
            when chosen.state = 'pending' then coalesce(waiting.probability_after_error, 0)
            else 0
        end as verified_error,
        1 - coalesce(standing.probability_after, 0) as kept_probability,
        coalesce(standing.probability_after_error, 0) as kept_error
    from chosen
    left join worths
        on chosen.looked_at = worths.looked_at and chosen.conversion_type = worths.conversion_type
    left join {{ ref('maturity_days') }} as waiting
        on chosen.waiting_key = waiting.stratum_key
        and least(chosen.observed_days, chosen.waiting_last_day) = waiting.day
    left join {{ ref('maturity_days') }} as standing
        on chosen.standing_key = standing.stratum_key
        and least(
            case when chosen.state = 'verified' then chosen.verified_days else 0 end,
            chosen.standing_last_day
        ) = standing.day

),

expected as (

    select
        *,
        verified_probability * kept_probability as probability,
        case when state = 'pending' then online_value * mean_worth else verified_value end
            as worth_if_kept,
        case when state = 'pending' then mean_square_worth / (mean_worth * mean_worth) else 1 end
            as worth_spread,
        kept_probability * kept_probability * verified_error * verified_error
        + verified_probability * verified_probability * kept_error * kept_error
            as probability_variance,
        case when state = 'pending' then worth_variance / (mean_worth * mean_worth) else 0 end
            as relative_worth_variance
    from with_probability

),

-- round() of whole units, since the warehouses round a half at a digit differently
final as (

    select
        case_key, looked_at, is_now, conversion_key, conversion_type,
        maturity_channel as channel_group, conversion_date, state,
        state = 'pending' and waiting_is_pooled as is_pooled,
        round(verified_probability, 12) as verified_probability,
        round(probability, 12) as final_probability,
        round(probability * (1 - probability), 12) as final_variance,
        case when state in ('lost', 'reversed') then 0 else round(sqrt(probability_variance), 9) end
            as final_error,
        case
            when state = 'reversed' then coalesce(verified_value, 0)
            when state = 'lost' then 0
            else round(1e4 * worth_if_kept * probability) / 1e4
        end as expected_value,
        case
            when state in ('lost', 'reversed') then 0
            else round(
                1e2 * worth_if_kept * worth_if_kept
                * (probability * worth_spread - probability * probability)
            ) / 1e2
        end as expected_value_variance,
        case
            when state in ('lost', 'reversed') then 0
            else round(
                1e4 * worth_if_kept
                * sqrt(probability_variance + probability * probability * relative_worth_variance)
            ) / 1e4
        end as expected_value_error
    from expected

)

select * from final
