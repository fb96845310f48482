{%- set kinds = {
    'shop_order': (ref('stg_shop__orders'), 'amount', local_date('ordered_at'), "status = 'paid'"),
    'web_order': (ref('web_orders'), 'net_revenue', 'order_date', 'true'),
    'outcome': (ref('stg_offline__outcomes'), 'value', local_date('occurred_at'), 'true'),
    'ad_cost': (ref('stg_ads__costs'), 'cost', 'cost_date', 'true'),
} -%}

-- what no sum in the project's currency holds
with amounts as (

    {% for kind, (relation, amount, day, condition) in kinds.items() -%}
    select
        '{{ kind }}' as kind,
        {{ day }} as amount_date,
        currency,
        {{ amount }} as amount
    from {{ relation }}
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

with_rate as (

    select amounts.*, {{ fx_rate('amounts') }} as fx_rate
    from amounts
    {{ join_fx_rates('amounts', 'amounts.amount_date') }}

),

final as (

    select
        kind,
        coalesce(upper(currency), '(none)') as currency,
        count(*) as amounts,
        round(sum(amount), 4) as amount,
        min(amount_date) as first_date,
        max(amount_date) as last_date
    from with_rate
    where fx_rate is null and amount <> 0
    group by kind, coalesce(upper(currency), '(none)')

)

select * from final
