{{ config(materialized='view') }}

-- the orders of a person, however many sources report each;
-- a view, because it is read for one person at a time
with activities as (

    select person_id, object_id as order_id, occurred_at, activity_id, action, value, currency
    from {{ ref('activities') }}
    where
        person_id is not null
        and object_type = 'order'
        and object_id not in ('', '(not set)')

),

placed as (

    select
        *,
        row_number() over (
            partition by person_id, order_id order by occurred_at, activity_id
        ) as place,
        row_number() over (
            partition by person_id, order_id order by occurred_at desc, activity_id desc
        ) as place_from_last,
        row_number() over (
            partition by person_id, order_id
            order by case when value > 0 then 0 else 1 end, occurred_at desc, activity_id desc
        ) as place_of_amount
    from activities

),

grouped as (

    select
        person_id,
        order_id,
        min(occurred_at) as placed_at,
        min(case when place = 1 then activity_id end) as first_activity_id,
        max(case when place_of_amount = 1 and value > 0 then value end) as amount,
        max(case when place_of_amount = 1 and value > 0 then currency end) as currency,
        max(case when place_from_last = 1 then action end) as status,
        count(*) as activities
    from placed
    group by person_id, order_id

),

final as (

    select
        person_id,
        order_id,
        row_number() over (partition by person_id order by placed_at, first_activity_id)
            as order_number,
        placed_at,
        amount,
        currency,
        status,
        activities
    from grouped

)

select * from final
