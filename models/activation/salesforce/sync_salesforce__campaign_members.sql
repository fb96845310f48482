-- members of campaigns, one campaign an audience: who may be contacted on every channel that the sync names
with permits as (

    {{ sync_permits() }}

),

customer_numbers as (

    {{ sync_customer_numbers() }}

),

members as (

    select
        permits.person_id,
        permits.audience,
        permits.channel,
        permits.purpose,
        customer_numbers.customer_no as sync_key,
        permits.audience as field,
        'true' as value,
        {{ sync_held_back('permits', 'customer_numbers.customer_no', 'no_external_id') }} as held_back_reason
    from permits
    left join customer_numbers on permits.person_id = customer_numbers.person_id

),

-- a campaign has no channel: a single no holds the person back
final as (

    select *
    from members
    qualify row_number() over (
        partition by person_id, audience
        order by case when held_back_reason is null then 1 else 0 end, channel
    ) = 1

)

select * from final
