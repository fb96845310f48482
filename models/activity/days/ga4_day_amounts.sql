-- GA4's reports are in the property's currency, so these are too
with exported as (

    select
        property_id,
        event_date,
        currency,
        case event_name when 'refund' then 'refund' else 'purchase' end as kind,
        case event_name when 'refund' then refund_value else purchase_revenue end as amount,
        {{ ga4_property_currency() }} as property_currency
    from {{ ref('ga4_purchases') }}

    union all

    select
        property_id,
        event_date,
        currency,
        case order_status when 'counted' then 'order' else 'left_out' end as kind,
        revenue as amount,
        {{ ga4_property_currency() }} as property_currency
    from {{ ref('web_purchases') }}

),

with_rate as (

    select exported.*, {{ fx_rate('exported', 'exported.property_currency') }} as fx_rate
    from exported
    {{ join_fx_rates('exported', 'exported.event_date', 'exported.property_currency') }}

),

final as (

    select
        property_id,
        event_date,
        property_currency as currency,
        {{ sum_amounts("case kind when 'purchase' then amount end") }} as purchase_revenue,
        {{ sum_amounts("case kind when 'refund' then amount end") }} as refund_value,
        {{ amounts_without_rate("case when kind in ('purchase', 'refund') then amount end") }}
            as amounts_without_rate,
        count(case when kind = 'order' then 1 end) as orders,
        {{ sum_amounts("case kind when 'order' then amount end") }} as order_revenue,
        count(case when kind = 'left_out' then 1 end) as left_out_purchases,
        {{ sum_amounts("case kind when 'left_out' then amount end") }} as left_out_revenue
    from with_rate
    group by property_id, event_date, property_currency

)

select * from final
