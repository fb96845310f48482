{%- set measures = {
    'conversions': 'credit',
    'online_value': 'credited_value',
    'verified_conversions': "case when entry = 'conversion' then credited_verified else 0 end",
    'verified_value': "case when entry = 'conversion' then credited_verified_value else 0 end",
    'reversed_conversions': "case when entry = 'reversal' then -credited_verified else 0 end",
    'reversed_value': "case when entry = 'reversal' then -credited_verified_value else 0 end",
} -%}
{%- set of_new = {
    'new_customer_conversions': 'case when is_new_customer then credit else 0 end',
    'new_customer_net_value': 'case when is_new_customer then credited_verified_value else 0 end',
} -%}
{%- set expected = {
    'expected_conversions': 'expected', 'expected_value': 'expected_value',
    'expected_value_variance': 'expected_value_variance',
    'expected_value_error': 'expected_value_error',
} -%}
{%- set keys = ['channel_group', 'campaign_key', 'conversion_type', 'model'] -%}

-- what each campaign's touches of a day brought, and what was booked on the day, side by side
with credits as (

    select *
    from {{ ref('credited_returns') }}

),

-- by the day of the touch
cohorts as (

    select
        touch_date as activity_date,
        {{ keys | join(', ') }},
        {% for name, expression in dict(measures, **dict(of_new, **expected)).items() -%}
        sum({{ expression }}) as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from credits
    group by touch_date, {{ keys | join(', ') }}

),

-- by the day of what happened: online, verified, taken back
bookings as (

    {% for day, names in {
        'conversion_date': ['conversions', 'online_value'],
        'verified_date': [
            'verified_conversions', 'verified_value', 'reversed_conversions', 'reversed_value'
        ],
    }.items() -%}
    select
        {{ day }} as activity_date,
        {{ keys | join(', ') }},
        {% for name, expression in measures.items() -%}
        {{ 'sum(' ~ expression ~ ')' if name in names else 'cast(0 as ' ~ float64() ~ ')' }}
            as {{ name }}
        {{- ',' if not loop.last }}
        {% endfor %}
    from credits
    where {{ day }} is not null
    group by {{ day }}, {{ keys | join(', ') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

booked as (

    select
        activity_date,
        {{ keys | join(', ') }},
        {% for name in measures -%}
        sum({{ name }}) as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from bookings
    group by activity_date, {{ keys | join(', ') }}

),

together as (

    select
        coalesce(cohorts.activity_date, booked.activity_date) as activity_date,
        {% for key in keys -%}
        coalesce(cohorts.{{ key }}, booked.{{ key }}) as {{ key }},
        {% endfor -%}
        {% for name in dict(measures, **dict(of_new, **expected)) -%}
        round(coalesce(cohorts.{{ name }}, 0), {{ 2 if name == 'expected_value_variance' else 6 }})
            as {{ name }},
        {% endfor -%}
        {% for name in measures -%}
        round(coalesce(booked.{{ name }}, 0), 6) as booked_{{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from cohorts
    full outer join booked
        on cohorts.activity_date = booked.activity_date
        {% for key in keys -%}
        and cohorts.{{ key }} = booked.{{ key }}
        {% endfor %}

),

days as (

    select activity_date, channel_group, campaign_key, {{ whole_cost() }} as cost
    from {{ ref('campaign_days') }}

),

with_cost as (

    select
        together.*,
        labels.platform,
        labels.campaign,
        days.cost,
        {{ width_of_90_percent() }} * sqrt(
            together.expected_value_variance
            + together.expected_value_error * together.expected_value_error
        ) as half_width
    from together
    left join days
        on together.activity_date = days.activity_date
        and together.channel_group = days.channel_group
        and together.campaign_key = days.campaign_key
    left join {{ ref('campaign_labels') }} as labels on together.campaign_key = labels.campaign_key

),

final as (

    select
        activity_date,
        {{ keys | join(',\n        ') }},
        platform,
        campaign,
        {% for name in dict(measures, **dict(of_new, **expected)) -%}
        {{ name }},
        {% endfor -%}
        round(greatest(expected_value - half_width, 0), 6) as expected_value_low,
        round(expected_value + half_width, 6) as expected_value_high,
        {% for name in measures -%}
        booked_{{ name }},
        {% endfor -%}
        round(cost / nullif(conversions, 0), 4) as cost_per_conversion,
        round(cost / nullif(verified_conversions - reversed_conversions, 0), 4)
            as cost_per_verified_conversion,
        round(online_value / cost, 6) as online_return,
        round((verified_value - reversed_value) / cost, 6) as verified_return,
        round(expected_value / cost, 6) as expected_return,
        round(greatest(expected_value - half_width, 0) / cost, 6) as expected_return_low,
        round((expected_value + half_width) / cost, 6) as expected_return_high
    from with_cost

)

select * from final
