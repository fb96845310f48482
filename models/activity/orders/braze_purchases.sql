-- purchases that were reported to Braze:
-- one that GA4 or the shop reports too is counted there, not here
with purchases as (

    select *
    from {{ ref('stg_braze__behaviors') }}
    where behavior = 'purchase'

),

persons as (

    select source, record_id, person_id
    from {{ ref('record_persons') }}

),

web_ids as (

    select distinct lower(order_id) as order_id
    from {{ ref('web_purchases') }}
    where order_id is not null

),

shop_ids as (

    select distinct lower(order_id) as order_id
    from {{ ref('stg_shop__orders') }}

),

-- without an order's number: the same person bought on the website or in the shop within minutes
elsewhere as (

    select person_id, event_at as bought_at
    from {{ ref('web_purchases') }}
    where person_id is not null and order_status = 'counted'

    union all

    select persons.person_id, orders.ordered_at as bought_at
    from {{ ref('stg_shop__orders') }} as orders
    inner join persons on orders.order_id = persons.record_id and persons.source = 'shop'
    where persons.person_id is not null

),

with_person as (

    select purchases.*, persons.person_id
    from purchases
    left join persons on purchases.braze_user_id = persons.record_id and persons.source = 'braze'

),

near_others as (

    select distinct with_person.event_id
    from with_person
    inner join elsewhere
        on with_person.person_id = elsewhere.person_id
    where
        with_person.order_id is null
        and abs({{ seconds_between('with_person.event_at', 'elsewhere.bought_at') }})
        <= 60 * {{ var('braze_same_purchase_minutes') }}

),

final as (

    select
        with_person.event_id,
        with_person.person_id,
        with_person.braze_user_id,
        with_person.external_user_id,
        with_person.order_id,
        with_person.product_id,
        with_person.price,
        with_person.currency,
        with_person.is_deleted,
        with_person.event_at,
        case
            when with_person.is_test then 'test'
            when web_ids.order_id is not null then 'in_ga4'
            when shop_ids.order_id is not null then 'in_shop'
            when near_others.event_id is not null then 'near_other_purchase'
            else 'counted'
        end as purchase_status
    from with_person
    left join web_ids on lower(with_person.order_id) = web_ids.order_id
    left join shop_ids on lower(with_person.order_id) = shop_ids.order_id
    left join near_others on with_person.event_id = near_others.event_id

)

select * from final
