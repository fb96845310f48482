-- who came into a month with which tier and left it with which,
-- beside what they were sent and what they ordered in it
with tiers as (

    select person_id, tier, tier_rank, valid_from, valid_to
    from {{ ref('tier_history') }}

),

months as (

    {{ months_since('tiers', 'valid_from') }}

),

person_months as (

    select
        tiers.person_id, months.month, months.is_complete,
        max(case when tiers.valid_from <= months.starts_at then tiers.tier end) as from_tier,
        max(case when tiers.valid_from <= months.starts_at then tiers.tier_rank end) as from_rank,
        max(case
            when tiers.valid_to is null or tiers.valid_to >= months.ends_at then tiers.tier
        end) as to_tier,
        max(case
            when tiers.valid_to is null or tiers.valid_to >= months.ends_at then tiers.tier_rank
        end) as to_rank
    from months
    inner join tiers
        on months.ends_at > tiers.valid_from
        and (tiers.valid_to is null or months.starts_at < tiers.valid_to)
    group by tiers.person_id, months.month, months.is_complete

),

messages as (

    select
        person_id,
        {{ month_before('message_date', 0) }} as month,
        count(*) as messages,
        count(case when reached_at is not null and cost is null then 1 end)
            as messages_without_price,
        round(sum(cost), 4) as message_cost
    from {{ ref('sent_messages') }}
    where person_id is not null and sent_at <= {{ as_of() }}
    group by person_id, {{ month_before('message_date', 0) }}

),

activities as (

    select activity_date, action, source, object_id, subject_id, person_id, value, currency
    from {{ ref('activities') }}

),

order_changes as (

    {{ order_changes('activities') }}

),

orders as (

    select
        person_id,
        {{ month_before('activity_date', 0) }} as month,
        {{ sum_amounts('value') }} as order_amount,
        {{ amounts_without_rate('value') }} as amounts_without_rate
    from order_changes
    where person_id is not null
    group by person_id, {{ month_before('activity_date', 0) }}

),

with_step as (

    select
        person_months.*,
        messages.messages is not null as is_exposed,
        case
            when person_months.from_tier is null then 'came'
            when person_months.to_tier is null then 'left'
            when person_months.from_tier = person_months.to_tier then 'stayed'
            when person_months.to_rank < person_months.from_rank then 'up'
            when person_months.to_rank > person_months.from_rank then 'down'
            else 'changed'
        end as step,
        coalesce(messages.messages, 0) as messages,
        coalesce(messages.messages_without_price, 0) as messages_without_price,
        coalesce(messages.message_cost, 0) as message_cost,
        coalesce(orders.order_amount, 0) as order_amount,
        coalesce(orders.amounts_without_rate, 0) as amounts_without_rate
    from person_months
    left join messages
        on person_months.person_id = messages.person_id
        and person_months.month = messages.month
    left join orders
        on person_months.person_id = orders.person_id
        and person_months.month = orders.month
    where person_months.from_tier is not null or person_months.to_tier is not null

),

grouped as (

    select
        month, is_complete, from_tier, to_tier, step, is_exposed,
        count(*) as people,
        cast(sum(messages) as int64) as messages,
        cast(sum(messages_without_price) as int64) as messages_without_price,
        round(sum(message_cost), 4) as message_cost,
        round(sum(order_amount), 4) as order_amount,
        cast(sum(amounts_without_rate) as int64) as amounts_without_rate
    from with_step
    group by month, is_complete, from_tier, to_tier, step, is_exposed

),

with_start as (

    select
        *,
        cast(sum(people) over (partition by month, from_tier, is_exposed) as int64)
            as people_at_start
    from grouped

),

final as (

    select
        *,
        {{ rate_columns('share', 'people', 'people_at_start') }}
    from with_start

)

select * from final
