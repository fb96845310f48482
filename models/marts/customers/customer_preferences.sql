{#-
    what an activity says of its person's taste: the kind, the value, and which activities say it
-#}
{%- set kinds = {
    'model': ('object_id', "object_type = 'model'"),
    'branch': ('object_id', "object_type = 'branch'"),
    'channel': ('channel_group', 'session_key is not null'),
    'hour': ('substr(' ~ local_time_text('occurred_at') ~ ', 12, 2)', 'session_key is not null'),
} -%}

with activities as (

    select *
    from {{ ref('activities') }}
    where person_id is not null and {{ done_by_person('action') }}

),

item_categories as (

    select item_id, max(item_category) as category
    from {{ ref('stg_ga4__items') }}
    where item_category is not null
    group by item_id

),

preferred as (

    {% for kind, (value, condition) in kinds.items() -%}
    select person_id, '{{ kind }}' as kind, {{ value }} as value, occurred_at
    from activities
    where {{ condition }}

    union all

    {% endfor -%}
    select
        activities.person_id, 'category' as kind,
        item_categories.category as value, activities.occurred_at
    from activities
    inner join item_categories on activities.object_id = item_categories.item_id
    where activities.object_type = 'item'

    union all

    select
        orders.person_id, 'category' as kind,
        products.category as value, orders.ordered_at as occurred_at
    from {{ ref('order_ends') }} as orders
    inner join {{ ref('order_products') }} as products on orders.order_id = products.order_id
    where orders.person_id is not null

),

totals as (

    select person_id, kind, value, count(*) as times, max(occurred_at) as last_at
    from preferred
    where value is not null and value <> ''
    group by person_id, kind, value

),

ranked as (

    select
        *,
        sum(times) over (partition by person_id, kind) as all_times,
        row_number() over (partition by person_id, kind order by times desc, last_at desc, value)
            as place
    from totals

),

-- the most frequent value; of equal ones the latest
final as (

    select
        person_id,
        kind,
        value,
        times,
        {{ six_decimals('times / all_times') }} as share,
        last_at
    from ranked
    where place = 1

)

select * from final
