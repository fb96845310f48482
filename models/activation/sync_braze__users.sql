-- exactly what Braze is to hold: one custom attribute an audience and channel, for those who may be contacted there
with permits as (

    {{ sync_permits() }}

),

customer_numbers as (

    {{ sync_customer_numbers() }}

),

-- of an audience that wants a source to be fresh which is late, nothing changes
freshness as (

    select audience, late_source
    from {{ ref('audience_freshness') }}
    where not is_fresh

),

-- Braze writes to the address that it has, the CRM's; of another one that is still open it does not know
final as (

    select
        permits.person_id,
        permits.channel,
        permits.purpose,
        customer_numbers.customer_no as sync_key,
        concat('madang_', permits.audience, '_', permits.channel) as field,
        'true' as value,
        case
            when permits.held_back_reason is not null then permits.held_back_reason
            when not permits.is_main_address then 'bounced'
            when customer_numbers.customer_no is null then 'no_external_id'
            when freshness.late_source is not null then concat('late_', freshness.late_source)
        end as held_back_reason
    from permits
    left join customer_numbers on permits.person_id = customer_numbers.person_id
    left join freshness on permits.audience = freshness.audience

)

select * from final
