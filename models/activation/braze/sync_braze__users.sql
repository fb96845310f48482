-- exactly what Braze is to hold: one custom attribute an audience and channel, for those who may be contacted there
with permits as (

    {{ sync_permits() }}

),

customer_numbers as (

    {{ sync_customer_numbers() }}

),

-- Braze writes to the address that it has, the CRM's; of another one that is still open it does not know
final as (

    select
        permits.person_id,
        permits.audience,
        permits.channel,
        permits.purpose,
        customer_numbers.customer_no as sync_key,
        concat('madang_', permits.audience, '_', permits.channel) as field,
        'true' as value,
        {{ sync_held_back(
            'permits', 'customer_numbers.customer_no', 'no_external_id', known_address='permits.is_main_address'
        ) }} as held_back_reason
    from permits
    left join customer_numbers on permits.person_id = customer_numbers.person_id

)

select * from final
