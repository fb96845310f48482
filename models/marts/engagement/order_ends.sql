-- each order as the stream has it, with where it came from, where its person lives,
-- and whether it was taken back
with activities as (

    select *
    from {{ ref('activities') }}
    where
        object_type = 'order'
        and action in ('ordered', 'order_cancelled', 'refunded', 'partly_refunded')

),

orders as (

    select
        object_id as order_id,
        {{ first_by('person_id', 'activity_order') }} as person_id,
        min(case when action = 'ordered' then occurred_at end) as ordered_at,
        {{ first_by('channel_group', 'activity_order') }} as channel_group,
        {{ first_by('campaign', 'activity_order') }} as campaign,
        min(case when action = 'order_cancelled' then occurred_at end) as cancelled_at,
        min(case when action in ('refunded', 'partly_refunded') then occurred_at end) as refunded_at
    from activities
    group by object_id

),

customers as (

    select person_id, region
    from {{ ref('customers') }}

),

final as (

    select
        orders.order_id,
        orders.person_id,
        orders.ordered_at,
        orders.channel_group,
        orders.campaign,
        customers.region,
        orders.cancelled_at,
        orders.refunded_at
    from orders
    left join customers on orders.person_id = customers.person_id
    where orders.ordered_at is not null

)

select * from final
