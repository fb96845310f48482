with customers as (

    select customer_no, tier, registered_at
    from {{ ref('stg_crm__customers') }}
    where registered_at is not null

),

persons as (

    select record_id, person_id
    from {{ ref('record_persons') }}
    where source = 'crm'

),

final as (

    select
        {{ surrogate_key(["'crm'", 'customers.customer_no']) }} as activity_id,
        persons.person_id,
        cast(null as string) as device_id,
        customers.registered_at as occurred_at,
        {{ local_date('customers.registered_at') }} as activity_date,
        {{ order_of_micros(micros_of('customers.registered_at')) }} as activity_order,
        'crm' as source,
        'registered' as action,
        'customer' as object_type,
        customers.customer_no as object_id,
        cast(null as string) as object_name,
        cast(null as {{ float64() }}) as value,
        cast(null as string) as currency,
        cast(null as string) as session_key,
        cast(null as string) as channel_group,
        cast(null as string) as campaign
    from customers
    left join persons on customers.customer_no = persons.record_id

)

select * from final
