{%- set fitted = markov_models() | map(attribute='name') | list -%}

-- what each channel earned in a month:
-- of Markov models by removal effect, of others the sum of its touches
with credits as (

    select
        credits.model,
        credits.conversion_type,
        {{ month_before('conversions.conversion_date', 0) }} as conversion_month,
        credits.channel_group,
        cast(sum({{ in_units('credits.credit', '1e12') }}) as int64) as credit_units,
        cast(sum({{ in_units('credits.credited_value', '1e6') }}) as int64) as value_units,
        cast(sum({{ in_units('credits.credited_verified', '1e12') }}) as int64) as verified_units,
        cast(sum({{ in_units('credits.credited_verified_value', '1e6') }}) as int64)
            as verified_value_units
    from {{ ref('attribution_credits') }} as credits
    inner join {{ ref('conversions') }} as conversions
        on credits.conversion_key = conversions.conversion_key
    group by 1, 2, 3, 4

),

totals as (

    select
        model,
        conversion_type,
        conversion_month,
        sum(credit_units) as credit_units,
        sum(value_units) as value_units,
        sum(verified_units) as verified_units,
        sum(verified_value_units) as verified_value_units
    from credits
    where model in ({{ text_literals(fitted) }}) and channel_group <> '(unattributed)'
    group by 1, 2, 3

),

effects as (

    select
        model,
        conversion_type,
        path_month,
        channel_group,
        removal_effect,
        cast(round(1e12 * removal_effect) as int64) as weight
    from {{ ref('attribution_removal_effects') }}

),

added_up as (

    select
        *,
        sum(weight) over (
            partition by model, conversion_type, path_month order by channel_group
            rows between unbounded preceding and current row
        ) as part,
        sum(weight) over (partition by model, conversion_type, path_month) as total
    from effects

),

channels as (

    select
        model,
        conversion_type,
        conversion_month,
        channel_group,
        cast(null as {{ float64() }}) as removal_effect,
        credit_units,
        value_units,
        verified_units,
        verified_value_units
    from credits
    where model not in ({{ text_literals(fitted) }}) or channel_group = '(unattributed)'

    union all

    select
        totals.model,
        totals.conversion_type,
        totals.conversion_month,
        added_up.channel_group,
        added_up.removal_effect
        {%- for units in [
            'credit_units', 'value_units', 'verified_units', 'verified_value_units'
        ] %},
        {{ in_units('added_up.part / added_up.total', 'totals.' ~ units) }}
        - {{ in_units('(added_up.part - added_up.weight) / added_up.total', 'totals.' ~ units) }}
            as {{ units }}
        {%- endfor %}
    from totals
    inner join added_up
        on totals.model = added_up.model
        and totals.conversion_type = added_up.conversion_type
        and totals.conversion_month = added_up.path_month
    where added_up.total > 0

),

final as (

    select
        model,
        conversion_type,
        conversion_month,
        channel_group,
        removal_effect,
        credit_units / 1e12 as credit,
        value_units / 1e6 as credited_value,
        verified_units / 1e12 as credited_verified,
        verified_value_units / 1e6 as credited_verified_value
    from channels

)

select * from final
