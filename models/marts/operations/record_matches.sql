{%- for source in record_sources() if source[1].startswith('stg_') %}
    {% do ref(source[1]) %}
{% endfor -%}

-- what each record met: a person, a visit, an application, and by which rule, or why not
with records as (

    select
        source,
        record_id,
        first_seen_at,
        coalesce({{ identifier_columns().values() | join(', ') }}) is not null as has_identifier
    from {{ ref('identity_records') }}
    where source <> 'ga4'

),

persons as (

    select source, record_id, person_id, resolved_by
    from {{ ref('record_persons') }}

),

ids as (

    {% for source, model, id, column, kind in records_that_meet() -%}
    select
        '{{ source }}' as source, {{ id }} as record_id,
        '{{ kind }}' as kind, {{ column }} as business_id
    from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {% else -%}
    select source, record_id, cast(null as string) as kind, cast(null as string) as business_id
    from persons
    where false
    {% endfor %}
),

-- of a record with several ids the one that was sent in a visit counts
sent as (

    select
        ids.source,
        ids.record_id,
        ids.kind,
        ids.business_id,
        sightings.kind is not null as is_sent,
        sightings.session_key
    from ids
    left join {{ ref('record_sightings') }} as sightings
        on ids.kind = sightings.kind
        and ids.business_id = sightings.business_id
    qualify row_number() over (
        partition by ids.source, ids.record_id
        order by
            case when sightings.session_key is null then 1 else 0 end, ids.kind, ids.business_id
    ) = 1

),

applications as (

    select outcome_id, application_id, rule, session_key, person_id
    from {{ ref('outcome_applications') }}

),

final as (

    select
        records.source,
        records.record_id,
        {{ local_date('records.first_seen_at') }} as record_date,
        coalesce(persons.person_id, applications.person_id) as person_id,
        case
            when persons.person_id is not null then persons.resolved_by
            when applications.person_id is not null then 'application'
            when records.has_identifier then 'identifiers in quarantine'
            else 'no identifier'
        end as person_rule,
        coalesce(sent.session_key, applications.session_key) as session_key,
        case
            when sent.record_id is null then null
            when sent.session_key is not null then sent.kind
            when applications.session_key is not null then applications.rule
            when sent.is_sent then 'sent without a session'
            when applications.rule = 'ambiguous' then 'ambiguous'
            when sent.business_id is null then 'no number'
            else 'never sent online'
        end as visit_rule,
        applications.application_id,
        case when records.source = 'offline' then coalesce(applications.rule, 'no number') end
            as application_rule
    from records
    left join persons on records.source = persons.source and records.record_id = persons.record_id
    left join sent on records.source = sent.source and records.record_id = sent.record_id
    left join applications
        on records.record_id = applications.outcome_id and records.source = 'offline'

)

select * from final
