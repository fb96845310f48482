-- members of campaigns, one campaign an audience:
-- who may be contacted on every channel that the sync names
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
        {{ sync_held_back('permits', 'customer_numbers.customer_no', 'no_external_id') }}
            as held_back_reason
    from permits
    left join customer_numbers on permits.person_id = customer_numbers.person_id

),

-- a campaign has no channel: a single no holds the person back
final as (

    {{ sync_no_wins('members', 'person_id, audience', 'channel') }}

)

select * from final
