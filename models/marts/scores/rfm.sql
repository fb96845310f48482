-- recency, frequency and amount from 1 to 5 by the share of customers below; equal values have equal scores
with customers as (

    select person_id, days_since_last, orders, total_value
    from {{ ref('purchase_histories') }}

),

ranked as (

    select
        *,
        count(*) over () as customers,
        rank() over (order by days_since_last desc) - 1 as worse_recency,
        rank() over (order by orders) - 1 as worse_frequency,
        rank() over (order by total_value) - 1 as worse_amount
    from customers

),

scored as (

    select
        *,
        1 + cast(floor(5 * worse_recency / customers) as int64) as recency_score,
        1 + cast(floor(5 * worse_frequency / customers) as int64) as frequency_score,
        1 + cast(floor(5 * worse_amount / customers) as int64) as amount_score
    from ranked

),

final as (

    select
        person_id,
        days_since_last,
        orders,
        total_value,
        recency_score,
        frequency_score,
        amount_score,
        concat(
            cast(recency_score as string), cast(frequency_score as string), cast(amount_score as string)
        ) as rfm_segment
    from scored

)

select * from final
