{%- set of_credits = {
    'conversions': 'credits.credit',
    'online_value': 'credits.credited_value',
    'verified_conversions': "case when credits.entry = 'conversion' "
        ~ "then credits.credited_verified else 0 end",
    'verified_value': "case when credits.entry = 'conversion' "
        ~ "then credits.credited_verified_value else 0 end",
    'reversed_conversions': "case when credits.entry = 'reversal' "
        ~ "then -credits.credited_verified else 0 end",
    'reversed_value': "case when credits.entry = 'reversal' "
        ~ "then -credits.credited_verified_value else 0 end",
} -%}

-- what the figures of campaign_returns, under one model, and of cost are the sums of
with credits as (

    select *
    from {{ ref('credited_returns') }}
    where model = {{ text_literal(var('returns_model')) }}

),

costs as (

    select cost_key, cost_date, channel_group, campaign_key, cost
    from {{ ref('campaign_costs') }}
    where cost is not null

),

final as (

    select
        {{ surrogate_key(
            ["'credit'", 'credits.conversion_key', 'credits.touch_key', 'credits.change_number']
        ) }} as fact_key,
        credits.entry as fact_kind,
        case
            when credits.entry = 'reversal' then credits.verified_date
            else credits.conversion_date
        end as happened_date,
        credits.conversion_key,
        conversions.person_id,
        credits.touch_date as activity_date,
        credits.channel_group,
        credits.campaign_key,
        credits.conversion_type,
        {% for figure in restated_figures() -%}
        {{ of_credits.get(figure, 'cast(0 as ' ~ float64() ~ ')') }}
            as {{ figure }}{{ ',' if not loop.last }}
        {% endfor %}
    from credits
    inner join {{ ref('conversions') }} as conversions
        on credits.conversion_key = conversions.conversion_key

    union all

    select
        {{ surrogate_key(["'cost'", 'cost_key']) }} as fact_key,
        'cost' as fact_kind,
        cost_date as happened_date,
        cast(null as string) as conversion_key,
        cast(null as string) as person_id,
        cost_date as activity_date,
        channel_group,
        campaign_key,
        cast(null as string) as conversion_type,
        {% for figure in restated_figures() -%}
        {{ 'cost' if figure == 'cost' else 'cast(0 as ' ~ float64() ~ ')' }}
            as {{ figure }}{{ ',' if not loop.last }}
        {% endfor %}
    from costs

)

select * from final
