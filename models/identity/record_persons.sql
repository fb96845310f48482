-- whom a record is about: by customer number, else e-mail, else telephone
with records as (

    select
        source,
        record_id,
        crm_id,
        {{ sha256_hex('email') }} as email,
        {{ sha256_hex('phone') }} as phone
    from {{ ref('identity_records') }}
    where source <> 'ga4'

),

identifiers as (

    select identifier_type, identifier_value, person_id
    from {{ ref('person_identifiers') }}

),

final as (

    select
        records.source,
        records.record_id,
        coalesce(by_crm_id.person_id, by_email.person_id, by_phone.person_id) as person_id,
        case
            when by_crm_id.person_id is not null then 'crm_id'
            when by_email.person_id is not null then 'email'
            when by_phone.person_id is not null then 'phone'
        end as resolved_by
    from records
    {% for type in ['crm_id', 'email', 'phone'] -%}
    left join identifiers as by_{{ type }}
        on records.{{ type }} = by_{{ type }}.identifier_value
        and by_{{ type }}.identifier_type = '{{ type }}'
    {% endfor %}
)

select * from final
