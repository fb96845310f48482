with customers as (

    select customer_no, registered_at, is_current
    from {{ ref('stg_crm__customers') }}

),

record_persons as (

    select record_id, person_id
    from {{ ref('record_persons') }}
    where source = 'crm' and person_id is not null

),

-- a number that the CRM still has before one that is gone, of these the first
final as (

    select
        record_persons.person_id,
        customers.customer_no,
        customers.registered_at,
        customers.is_current,
        row_number() over (
            partition by record_persons.person_id
            order by
                case when customers.is_current then 0 else 1 end,
                coalesce(customers.registered_at, {{ far_future() }}),
                customers.customer_no
        ) = 1 as is_chosen
    from customers
    inner join record_persons on customers.customer_no = record_persons.record_id

)

select * from final
