{%- set days = ga4_changed_days() -%}
{{ config(**built_by_day()) }}
{%- do overwrites_days(days) -%}

with items as (

    select
        event_key,
        item_number,
        event_name,
        event_date,
        nullif(nullif(trim(item_id), ''), '(not set)') as item_id,
        nullif(nullif(trim(item_name), ''), '(not set)') as item_name,
        abs(coalesce(nullif(quantity, 0), 1)) as quantity,
        nullif(abs(price), 0) as price,
        nullif(abs(item_revenue), 0) as item_revenue,
        nullif(abs(item_refund), 0) as item_refund
    from {{ ref('stg_ga4__items') }}
    where {{ ga4_in_days(days) }} and event_name in ('purchase', 'refund')

)

select * from items
