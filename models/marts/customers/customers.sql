with persons as (

    select person_id, anchor_type, first_seen_at, last_seen_at, crm_ids, user_ids, emails, phones
    from {{ ref('persons') }}

),

record_persons as (

    select source, record_id, person_id
    from {{ ref('record_persons') }}

),

orders as (

    select
        record_persons.person_id,
        orders.ordered_at,
        orders.status,
        case when orders.status = 'paid' then orders.amount end as paid_amount,
        {{ fx_rate('orders') }} as fx_rate
    from {{ ref('stg_shop__orders') }} as orders
    inner join record_persons
        on orders.order_id = record_persons.record_id
        and record_persons.source = 'shop'
    {{ join_fx_rates('orders', local_date('orders.ordered_at')) }}

),

-- of several numbers the one that the CRM still has
from_crm as (

    select
        person_id,
        max(case when is_chosen then customer_no end) as customer_no,
        min(registered_at) as registered_at,
        {{ any_true('is_current') }} as is_in_crm
    from {{ ref('customer_numbers') }}
    group by person_id

),

from_orders as (

    select
        person_id,
        count(case when status = 'paid' then 1 end) as orders,
        {{ sum_amounts('paid_amount') }} as total_order_amount,
        {{ amounts_without_rate('paid_amount') }} as orders_without_rate,
        max(case when status = 'paid' then ordered_at end) as last_order_at
    from orders
    where {{ has_happened('ordered_at', [ref('stg_shop__orders')]) }}
    group by person_id

),

from_values as (

    select
        person_id,
        {% for field in ['tier', 'region'] -%}
        max(case when is_chosen and field = '{{ field }}' then field_value end) as {{ field }},
        {% endfor -%}
        {% for field in ['name', 'email', 'phone'] -%}
        max(case when is_chosen and field = '{{ field }}' then source end) as {{ field }}_source,
        {% endfor -%}
        string_agg(
            distinct case when is_conflict then field end, ', '
            order by case when is_conflict then field end
        ) as conflicts
    from {{ ref('customer_values') }}
    group by person_id

),

from_activities as (

    select
        person_id,
        max(occurred_at) as last_activity_at,
        count(distinct session_key) as sessions_with_actions,
        count(*) as activities
    from {{ ref('activities') }}
    where person_id is not null and {{ done_by_person('action') }}
    group by person_id

),

final as (

    select
        persons.person_id,
        from_crm.customer_no,
        from_values.tier,
        from_values.region,
        from_values.name_source,
        from_values.email_source,
        from_values.phone_source,
        from_values.conflicts,
        from_crm.registered_at,
        coalesce(from_crm.is_in_crm, false) as is_in_crm,
        persons.user_ids > 0 as has_logged_in,
        persons.crm_ids,
        persons.first_seen_at,
        from_activities.last_activity_at,
        coalesce(from_activities.activities, 0) as activities,
        coalesce(from_activities.sessions_with_actions, 0) as sessions_with_actions,
        coalesce(from_orders.orders, 0) as orders,
        coalesce(from_orders.total_order_amount, 0) as total_order_amount,
        coalesce(from_orders.orders_without_rate, 0) as orders_without_rate,
        from_orders.last_order_at
    from persons
    left join from_crm on persons.person_id = from_crm.person_id
    left join from_orders on persons.person_id = from_orders.person_id
    left join from_values on persons.person_id = from_values.person_id
    left join from_activities on persons.person_id = from_activities.person_id

)

select * from final
