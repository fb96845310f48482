-- the stream's net order value is the shop's: orders taken, less what was refunded or cancelled
with staged as (

    select coalesce(sum(case when status = 'paid' then amount else 0 end), 0) as amount
    from {{ ref('stg_shop__orders') }}
    where ordered_at <= {{ as_of() }} and updated_at <= {{ as_of() }}

),

streamed as (

    select coalesce(sum(value), 0) as amount
    from {{ ref('activities') }}
    where
        source = 'shop'
        and object_id in (
            select order_id
            from {{ ref('stg_shop__orders') }}
            where updated_at <= {{ as_of() }}
        )

)

select staged.amount as shop_amount, streamed.amount as stream_amount
from staged
cross join streamed
where abs(staged.amount - streamed.amount) > 0.005
