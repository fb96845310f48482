-- what was asked and what became of it; an inquiry names people who are known, and makes nobody known
with states as (

    select state_key, inquiry_id, status, previous_status, received_at, state_at
    from {{ ref('stg_inquiries__states') }}

),

inquiries as (

    select
        inquiry_id,
        root_inquiry_id,
        channel,
        category_1,
        customer_no,
        {{ sha256_hex('email') }} as email,
        {{ sha256_hex('phone') }} as phone
    from {{ ref('stg_inquiries__inquiries') }}

),

identifiers as (

    select identifier_type, identifier_value, person_id
    from {{ ref('person_identifiers') }}

),

with_person as (

    select
        inquiries.*,
        coalesce(by_crm_id.person_id, by_email.person_id, by_phone.person_id) as person_id
    from inquiries
    {% for type, column in {'crm_id': 'customer_no', 'email': 'email', 'phone': 'phone'}.items() -%}
    left join identifiers as by_{{ type }}
        on inquiries.{{ column }} = by_{{ type }}.identifier_value
        and by_{{ type }}.identifier_type = '{{ type }}'
    {% endfor %}
),

changes as (

    select inquiry_id as change_key, inquiry_id, 'inquired' as action, min(received_at) as occurred_at
    from states
    group by inquiry_id

    union all

    select
        state_key as change_key,
        inquiry_id,
        case
            when status in ('answered', 'closed') then concat('inquiry_', status)
            else 'inquiry_reopened'
        end as action,
        state_at as occurred_at
    from states
    where
        coalesce(previous_status, '') <> status
        and (
            status in ('answered', 'closed', 'reopened')
            or (status = 'open' and previous_status in ('answered', 'closed'))
        )

),

final as (

    select
        {{ surrogate_key(["'inquiry'", 'changes.change_key', 'changes.action']) }} as activity_id,
        with_person.person_id,
        cast(null as string) as device_id,
        changes.occurred_at,
        {{ local_date('changes.occurred_at') }} as activity_date,
        {{ micros_of('changes.occurred_at') }} * 1000 as activity_order,
        'inquiry' as source,
        changes.action,
        with_person.channel as object_type,
        with_person.root_inquiry_id as object_id,
        with_person.category_1 as object_name,
        cast(null as {{ float64() }}) as value,
        cast(null as string) as currency,
        cast(null as string) as session_key,
        cast(null as string) as channel_group,
        cast(null as string) as campaign
    from changes
    inner join with_person on changes.inquiry_id = with_person.inquiry_id
    where changes.occurred_at is not null

)

select * from final
