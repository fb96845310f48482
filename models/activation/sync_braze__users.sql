-- exactly what Braze is to hold: one custom attribute an audience, for those who may be contacted and whom it can know
with members as (

    select audience, person_id, is_contactable, contact_reason
    from {{ ref('audience_members') }}

),

customers as (

    select person_id, customer_no
    from {{ ref('customers') }}

),

-- of an audience that wants a source to be fresh which is late, nothing changes
freshness as (

    select audience, late_source
    from {{ ref('audience_freshness') }}
    where not is_fresh

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
            when freshness.late_source is not null then concat('late_', freshness.late_source)
        end as held_back_reason
    from members
    left join customers on members.person_id = customers.person_id
    left join freshness on members.audience = freshness.audience

)

select * from final
