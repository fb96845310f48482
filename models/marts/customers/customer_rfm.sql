-- how recently, how often and for how much each buyer bought, beside all other buyers;
-- equal values score equal
with buyers as (

    select
        person_id,
        {{ local_date('last_order_at') }} as last_order_date,
        orders,
        case when orders_without_rate < orders then total_order_amount end as order_amount
    from {{ ref('customers') }}
    where orders > 0

),

scored as (

    select
        *,
        {{ fifth_of('last_order_date') }} as recency_score,
        {{ fifth_of('orders') }} as frequency_score
    from buyers

),

-- amounts that no rate converts have no place among the others
amounts as (

    select person_id, {{ fifth_of('order_amount') }} as monetary_score
    from buyers
    where order_amount is not null

),

combined as (

    select
        scored.*,
        amounts.monetary_score,
        cast(floor(
            (scored.frequency_score + coalesce(amounts.monetary_score, scored.frequency_score) + 1)
            / 2
        ) as int64) as value_score
    from scored
    left join amounts on scored.person_id = amounts.person_id

),

named as (

    select recency_score, value_score, rfm_group
    from {{ list_of('rfm_groups') }}

),

final as (

    select
        combined.person_id,
        combined.last_order_date,
        combined.orders,
        combined.order_amount,
        combined.recency_score,
        combined.frequency_score,
        combined.monetary_score,
        combined.value_score,
        coalesce(named.rfm_group, '(no group)') as rfm_group
    from combined
    left join named
        on combined.recency_score = named.recency_score
        and combined.value_score = named.value_score

)

select * from final
