-- whom contacts and leads are about: by customer number, else e-mail, else telephone; a converted lead is its contact
with contacts as (

    select contact_id, customer_no, {{ sha256_hex('email') }} as email, {{ sha256_hex('phone') }} as phone
    from {{ ref('stg_salesforce__contacts') }}

),

leads as (

    select
        lead_id,
        converted_contact_id,
        customer_no,
        {{ sha256_hex('email') }} as email,
        {{ sha256_hex('phone') }} as phone
    from {{ ref('stg_salesforce__leads') }}

),

identifiers as (

    select identifier_type, identifier_value, person_id
    from {{ ref('person_identifiers') }}

),

records as (

    select contact_id as record_id, 'contact' as object, cast(null as string) as contact_id, customer_no, email, phone
    from contacts

    union all

    select lead_id as record_id, 'lead' as object, converted_contact_id as contact_id, customer_no, email, phone
    from leads

),

with_person as (

    select
        records.record_id,
        records.object,
        records.contact_id,
        coalesce(by_crm_id.person_id, by_email.person_id, by_phone.person_id) as person_id
    from records
    {% for type, column in {'crm_id': 'customer_no', 'email': 'email', 'phone': 'phone'}.items() -%}
    left join identifiers as by_{{ type }}
        on records.{{ column }} = by_{{ type }}.identifier_value
        and by_{{ type }}.identifier_type = '{{ type }}'
    {% endfor %}
),

final as (

    select
        with_person.record_id,
        with_person.object,
        coalesce(contact.person_id, with_person.person_id) as person_id
    from with_person
    left join with_person as contact on with_person.contact_id = contact.record_id

)

select * from final
