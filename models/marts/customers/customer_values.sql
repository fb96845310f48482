{#-
    what each source's records say of a person, which of its records stand before others,
    and how new they are
-#}
{%- set fields = ['name', 'email', 'phone', 'tier', 'region'] -%}
{%- set sources = [
    ('crm', ref('stg_crm__customers'), 'customer_no', 'is_current', 'registered_at', fields),
    (
        'salesforce', ref('stg_salesforce__contacts'),
        'contact_id', 'not is_deleted', 'modified_at', fields
    ),
    (
        'salesforce', ref('stg_salesforce__leads'),
        'lead_id', 'not is_deleted', 'modified_at', fields
    ),
    ('shop', ref('stg_shop__orders'), 'order_id', 'true', 'updated_at', fields[:3]),
    ('inquiry', ref('stg_inquiries__inquiries'), 'inquiry_id', 'true', 'received_at', fields[1:3]),
    ('offline', ref('stg_offline__outcomes'), 'outcome_id', 'true', 'occurred_at', ['phone']),
    ('consent', ref('stg_consent__events'), 'consent_id', 'true', 'occurred_at', fields[1:3]),
] -%}

with rules as (

    select field, source, source_rank
    from {{ list_of('survivorship') }}

),

record_persons as (

    select source, record_id, person_id
    from {{ ref('record_persons') }}
    where person_id is not null

),

records as (

    {% for source, relation, id, stands, at, given in sources -%}
    select
        '{{ source }}' as source,
        {{ id }} as record_id,
        case when {{ stands }} then 1 else 0 end as standing,
        {{ at }} as recorded_at,
        {% for field in fields -%}
        {{ field if field in given else 'cast(null as string)' }}
            as {{ field }}{{ ',' if not loop.last }}
        {% endfor -%}
    from {{ relation }}
    {{ 'where ' ~ has_happened('ordered_at', [relation]) if source == 'shop' }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

of_persons as (

    select records.*, record_persons.person_id
    from records
    inner join record_persons
        on records.record_id = record_persons.record_id
        and records.source = record_persons.source

),

recorded as (

    {% for field in fields -%}
    select
        person_id, source, record_id, standing, recorded_at,
        '{{ field }}' as field, {{ field }} as field_value
    from of_persons
    where {{ field }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- the order of the sources first; of one source the record that stands, then the newest
ranked as (

    select
        recorded.person_id,
        recorded.field,
        recorded.field_value,
        recorded.source,
        recorded.recorded_at,
        case
            when recorded.field = 'name' then {{ name_key('recorded.field_value') }}
            else recorded.field_value
        end as same_as,
        row_number() over (
            partition by recorded.person_id, recorded.field
            order by
                rules.source_rank,
                recorded.standing desc,
                coalesce(recorded.recorded_at, cast('1970-01-01 00:00:00' as timestamp)) desc,
                recorded.record_id desc
        ) as place
    from recorded
    inner join rules
        on recorded.field = rules.field
        and recorded.source = rules.source

),

chosen as (

    select person_id, field, same_as
    from ranked
    where place = 1

),

final as (

    select
        {{ surrogate_key(
            ['ranked.person_id', 'ranked.field', 'ranked.source', 'ranked.field_value']
        ) }} as value_key,
        ranked.person_id,
        ranked.field,
        ranked.field_value,
        ranked.source,
        min(ranked.place) = 1 as is_chosen,
        min(ranked.place) as place,
        max(ranked.recorded_at) as last_recorded_at,
        count(*) as records,
        ranked.same_as <> chosen.same_as as is_conflict
    from ranked
    inner join chosen
        on ranked.person_id = chosen.person_id
        and ranked.field = chosen.field
    group by
        ranked.person_id, ranked.field, ranked.field_value,
        ranked.source, ranked.same_as, chosen.same_as

)

select * from final
