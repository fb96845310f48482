with persons as (

    select person_id, anchor_type, first_seen_at, last_seen_at, crm_ids, user_ids, emails, phones
    from {{ ref('persons') }}

),

record_persons as (

    select source, record_id, person_id
    from {{ ref('record_persons') }}

),

crm as (

    select
        record_persons.person_id,
        customers.*
    from {{ ref('stg_crm__customers') }} as customers
    inner join record_persons
        on customers.customer_no = record_persons.record_id
        and record_persons.source = 'crm'

),

orders as (

    select
        record_persons.person_id,
        orders.*
    from {{ ref('stg_shop__orders') }} as orders
    inner join record_persons
        on orders.order_id = record_persons.record_id
        and record_persons.source = 'shop'

),

-- a person who registered twice keeps the first number; of the rest the newest registration speaks
from_crm as (

    select
        person_id,
        {{ first_by('customer_no', 'crm_order') }} as customer_no,
        {{ last_by('name', 'crm_order') }} as name,
        {{ last_by('email', 'crm_order') }} as email,
        {{ last_by('phone', 'crm_order') }} as phone,
        {{ last_by('tier', 'crm_order') }} as tier,
        {{ last_by('region', 'crm_order') }} as region,
        min(registered_at) as registered_at,
        {{ any_true('is_current') }} as is_in_crm
    from (
        select
            *,
            row_number() over (
                partition by person_id order by is_current, registered_at, customer_no
            ) as crm_order
        from crm
    ) as ordered
    group by person_id

),

from_orders as (

    select
        person_id,
        {{ last_by('name', 'updated_order') }} as name,
        {{ last_by('email', 'updated_order') }} as email,
        {{ last_by('phone', 'updated_order') }} as phone,
        count(case when status = 'paid' then 1 end) as orders,
        sum(case when status = 'paid' then amount else 0 end) as total_order_amount,
        max(case when status = 'paid' then ordered_at end) as last_order_at
    from (
        select
            *,
            row_number() over (partition by person_id order by updated_at, order_id) as updated_order
        from orders
        where ordered_at <= {{ as_of() }}
    ) as ordered
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
        coalesce(from_crm.name, from_orders.name) as name,
        coalesce(from_crm.email, from_orders.email) as email,
        coalesce(from_crm.phone, from_orders.phone) as phone,
        from_crm.tier,
        from_crm.region,
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
        from_orders.last_order_at
    from persons
    left join from_crm on persons.person_id = from_crm.person_id
    left join from_orders on persons.person_id = from_orders.person_id
    left join from_activities on persons.person_id = from_activities.person_id

)

select * from final
