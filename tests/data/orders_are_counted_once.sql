{{ config(tags=['clock']) }}

-- the stream has every order of the shop and every order of the website that
-- the shop does not know, each once
with known as (

    select count(*) as orders
    from {{ ref('stg_shop__orders') }}
    where ordered_at <= {{ as_of() }}

    union all

    select count(*) as orders
    from {{ ref('web_orders') }}
    where
        ordered_at <= {{ as_of() }}
        and order_key not in (select order_key from {{ ref('web_orders_in_shop') }})

),

expected as (

    select sum(orders) as orders
    from known

),

streamed as (

    select count(*) as orders
    from {{ ref('activities') }}
    where action = 'ordered'

)

select expected.orders as expected_orders, streamed.orders as streamed_orders
from expected
cross join streamed
where expected.orders <> streamed.orders
