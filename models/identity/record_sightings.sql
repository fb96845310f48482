{%- set actions = actions_that_meet() -%}
{#- dbt learns of these while it parses, when nothing is known of columns yet -#}
{%- for source in record_sources() if source[1].startswith('stg_') %}
    {% do ref(source[1]) %}
{% endfor -%}

-- whom a record names was there when its id was sent online
with records as (

    {% for source, model, id, column, kind in records_that_meet() -%}
    select
        '{{ kind }}' as kind, {{ column }} as business_id,
        '{{ source }}' as source, {{ id }} as record_id
    from {{ ref(model) }}
    where {{ column }} is not null
    {{ 'union all' if not loop.last }}
    {% else -%}
    select cast(null as string) as kind, cast(null as string) as business_id, source, record_id
    from {{ ref('record_persons') }}
    where false
    {% endfor %}
),

record_persons as (

    select source, record_id, person_id
    from {{ ref('record_persons') }}

),

sent as (

    select
        case action
            {% for action, kind in actions.items() -%}
            when '{{ action }}' then '{{ kind }}'
            {% endfor -%}
            else 'none'
        end as kind,
        trim(object_id) as business_id,
        event_key,
        event_at,
        event_order,
        device_id,
        session_key
    from {{ ref('actions') }}
    where action in ({{ text_literals(actions) }}) and object_id is not null

),

-- the first event that carries an id is the one by which it came into the world
events as (

    select *
    from sent
    qualify row_number() over (partition by kind, business_id order by event_order, event_key) = 1

),

-- records of one application may name several persons: then it names nobody
named as (

    select
        records.kind,
        records.business_id,
        count(*) as records_of_id,
        min(record_persons.person_id) as person_id,
        coalesce(min(record_persons.person_id) < max(record_persons.person_id), false)
            as is_ambiguous,
        min(case when record_persons.person_id is not null then records.source end) as source,
        min(case when record_persons.person_id is not null then records.record_id end) as record_id
    from records
    left join record_persons
        on records.source = record_persons.source
        and records.record_id = record_persons.record_id
    group by records.kind, records.business_id

),

final as (

    select
        named.kind,
        named.business_id,
        events.event_at,
        events.event_order,
        events.device_id,
        events.session_key,
        named.records_of_id as records,
        named.is_ambiguous,
        case when not named.is_ambiguous then named.source end as source,
        case when not named.is_ambiguous then named.record_id end as record_id,
        case when not named.is_ambiguous then named.person_id end as person_id
    from named
    inner join events
        on named.kind = events.kind
        and named.business_id = events.business_id
    where not {{ is_placeholder_id('named.business_id') }}

)

select * from final
