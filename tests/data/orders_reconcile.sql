{{ config(tags=['clock']) }}

-- the stream's net order value is the shop's, in each currency:
-- orders taken, less what was refunded or cancelled
with staged as (

    select currency, sum(case when status = 'paid' then amount else 0 end) as amount
    from {{ ref('stg_shop__orders') }}
    where ordered_at <= {{ as_of() }} and updated_at <= {{ as_of() }}
    group by currency

),

streamed as (

    select currency, sum(value) as amount
    from {{ ref('activities') }}
    where
        source = 'shop'
        and object_id in (
            select order_id
            from {{ ref('stg_shop__orders') }}
            where updated_at <= {{ as_of() }}
        )
    group by currency

)

select
    coalesce(staged.currency, streamed.currency) as currency,
    staged.amount as shop_amount,
    streamed.amount as stream_amount
from staged
full outer join streamed on staged.currency = streamed.currency
where abs(coalesce(staged.amount, 0) - coalesce(streamed.amount, 0)) > 0.005
