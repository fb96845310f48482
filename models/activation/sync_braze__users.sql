-- exactly what Braze is to hold: one custom attribute an audience, for those who may be contacted and whom it can know
with members as (

    select audience, person_id, is_contactable, contact_reason
    from {{ ref('audience_members') }}

),

customers as (

    select person_id, customer_no
    from {{ ref('customers') }}

),

final as (

    select
        members.person_id,
        customers.customer_no as sync_key,
        concat('madang_', members.audience) as field,
        'true' as value,
        case
            when not members.is_contactable then members.contact_reason
            when customers.customer_no is null then 'no_external_id'
        end as held_back_reason
    from members
    left join customers on members.person_id = customers.person_id

)

select * from final
