-- who is to be in the data extension of an audience and channel, and what its row says
with permits as (

    {{ sync_permits() }}

),

customer_numbers as (

    {{ sync_customer_numbers() }}

),

customers as (

    select *
    from {{ ref('customers') }}

),

final as (

    select
        permits.person_id,
        permits.audience,
        permits.channel,
        permits.purpose,
        customer_numbers.customer_no as sync_key,
        concat('madang_', permits.audience, '_', permits.channel) as field,
        {{ sync_row('permits', 'customers', 'customer_numbers.customer_no') }} as value,
        {{ sync_held_back(
            'permits', 'customer_numbers.customer_no', 'no_external_id', known_address='permits.is_main_address'
        ) }} as held_back_reason
    from permits
    left join customer_numbers on permits.person_id = customer_numbers.person_id
    left join customers on permits.person_id = customers.person_id

)

select * from final
