-- checkboxes of contacts: one an audience and channel, for those who may be contacted there
with permits as (

    {{ sync_permits() }}

),

customer_numbers as (

    {{ sync_customer_numbers() }}

),

final as (

    select
        permits.person_id,
        permits.audience,
        permits.channel,
        permits.purpose,
        customer_numbers.customer_no as sync_key,
        concat('Madang_', permits.audience, '_', permits.channel, '__c') as field,
        'true' as value,
        {{ sync_held_back('permits', 'customer_numbers.customer_no', 'no_external_id') }}
            as held_back_reason
    from permits
    left join customer_numbers on permits.person_id = customer_numbers.person_id

)

select * from final
