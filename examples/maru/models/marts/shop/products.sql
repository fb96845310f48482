{{ config(materialized='view') }}

-- the accessories of the shop, as their last purchase on the website names them
with sold as (

    select
        item_id,
        item_name,
        item_category,
        quantity,
        event_date,
        event_key,
        item_number
    from {{ ref('stg_ga4__items') }}
    where event_name = 'purchase' and item_id is not null

),

named as (

    select
        item_id as product_id,
        item_name as product_name,
        item_category as category,
        sum(quantity) over (partition by item_id) as pieces_sold,
        row_number() over (
            partition by item_id order by event_date desc, event_key desc, item_number desc
        ) as recency
    from sold

),

final as (

    select
        product_id,
        product_name,
        category,
        pieces_sold
    from named
    where recency = 1

)

select * from final
