{%- set keys = [('customer_no', 'crm_id'), ('email', 'email_hash'), ('phone', 'phone_hash')] -%}
{%- set matching = 'count(case when reason is null then 1 end) over (partition by person_id)' -%}

-- which person met which record of Salesforce, by what key;
-- records and persons that met nothing, with the reason
with records as (

    select
        'contact' as object, contact_id as record_id, customer_no is not null as has_customer_no,
        is_deleted, merged_into_id,
        cast(null as string) as converted_contact_id
    from {{ ref('stg_salesforce__contacts') }}
    union all
    select
        'lead' as object, lead_id as record_id, customer_no is not null as has_customer_no,
        is_deleted, merged_into_id,
        case when is_converted then converted_contact_id end as converted_contact_id
    from {{ ref('stg_salesforce__leads') }}
    union all
    select
        'person_account' as object, account_id as record_id,
        customer_no is not null as has_customer_no,
        is_deleted, merged_into_id,
        cast(null as string) as converted_contact_id
    from {{ ref('stg_salesforce__accounts') }}
    where is_person_account

),

named as (

    select
        names.source, names.record_id, names.crm_id,
        names.email_hash, names.phone_hash, record_persons.person_id
    from {{ ref('identity_records') }} as names
    left join {{ ref('record_persons') }} as record_persons
        on names.source = record_persons.source and names.record_id = record_persons.record_id

),

-- what other sources know of a person, by each key
known_keys as (

    {% for key, column in keys -%}
    select distinct person_id, '{{ key }}' as key, {{ column }} as key_value
    from named
    where source <> 'salesforce' and person_id is not null and {{ column }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

elsewhere as (

    select person_id, max(case when key = 'customer_no' then 1 else 0 end) = 1 as has_customer_no
    from known_keys
    group by person_id

),

joined as (

    select
        records.object,
        records.record_id,
        records.has_customer_no,
        records.is_deleted,
        coalesce(records.merged_into_id, records.converted_contact_id) as became_record_id,
        records.merged_into_id is not null as is_merged,
        named.person_id,
        named.crm_id is null
        and named.email_hash is null
        and named.phone_hash is null as is_nameless,
        elsewhere.person_id is not null as is_elsewhere,
        case
            when elsewhere.person_id is null then null
            when by_customer_no.person_id is not null then 'customer_no'
            when by_email.person_id is not null then 'email'
            when by_phone.person_id is not null then 'phone'
            else 'another_record'
        end as matched_by
    from records
    left join named on records.record_id = named.record_id and named.source = 'salesforce'
    left join elsewhere on named.person_id = elsewhere.person_id
    {% for key, column in keys -%}
    left join known_keys as by_{{ key }}
        on named.person_id = by_{{ key }}.person_id
        and named.{{ column }} = by_{{ key }}.key_value
        and by_{{ key }}.key = '{{ key }}'
    {% endfor %}
),

of_records as (

    select
        *,
        case
            when is_merged then 'merged'
            when became_record_id is not null then 'converted'
            when is_deleted then 'deleted'
            when is_elsewhere then null
            when person_id is not null then 'only_in_salesforce'
            when is_nameless then 'no_identifier'
            else 'identifiers_in_quarantine'
        end as reason
    from joined

),

-- persons whom other sources know; only where there is a Salesforce at all
of_persons as (

    select
        elsewhere.person_id,
        case
            when max(case when theirs.record_id is not null then 1 else 0 end) = 1 then 'deleted'
            when elsewhere.has_customer_no then 'not_in_salesforce'
            else 'no_customer_no'
        end as reason
    from elsewhere
    left join of_records as theirs on elsewhere.person_id = theirs.person_id
    where exists (select 1 from records)
    group by elsewhere.person_id, elsewhere.has_customer_no
    having
        max(case when theirs.record_id is not null and theirs.reason is null then 1 else 0 end) = 0

),

final as (

    select
        {{ surrogate_key(['object', 'record_id', 'person_id']) }} as match_key,
        object,
        record_id,
        person_id,
        case when reason is null then 'matched' else 'record_alone' end as outcome,
        case when reason is null then matched_by end as matched_by,
        reason,
        has_customer_no,
        became_record_id,
        case when reason is null then {{ matching }} end as records_of_person
    from of_records
    union all
    select
        {{ surrogate_key(["'person'", 'cast(null as string)', 'person_id']) }} as match_key,
        'person' as object,
        cast(null as string) as record_id,
        person_id,
        'person_alone' as outcome,
        cast(null as string) as matched_by,
        reason,
        reason <> 'no_customer_no' as has_customer_no,
        cast(null as string) as became_record_id,
        cast(null as int64) as records_of_person
    from of_persons

)

select * from final
