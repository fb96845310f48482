{%- set stored_value = identifier_value('counted.identifier_type', 'counted.plain_value') -%}

with records as (

    select
        source,
        record_id,
        crm_id,
        user_id,
        email,
        phone,
        name_key,
        first_seen_at,
        last_seen_at,
        evidence_count
    from {{ ref('identity_records') }}

),

rules as (

    select identifier_type, max_names, max_crm_ids
    from {{ ref('identifier_rules') }}

),

blocked as (

    select identifier_type, pattern, reason
    from {{ ref('blocked_identifiers') }}

),

-- what people took out, whatever the rules say
excluded as (

    select distinct left_type as identifier_type, left_value as identifier_value
    from {{ ref('identity_decisions') }}
    where decision = 'exclude'

),

sightings as (

    {% for type in ['crm_id', 'user_id', 'email', 'phone'] %}
    select
        '{{ type }}' as identifier_type,
        {{ type }} as plain_value,
        crm_id,
        name_key,
        source,
        first_seen_at,
        last_seen_at,
        evidence_count
    from records
    where {{ type }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

counted as (

    select
        identifier_type,
        plain_value,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        string_agg(distinct source, ', ' order by source) as sources,
        cast(sum(evidence_count) as int64) as evidence_count,
        count(distinct name_key) as names,
        count(distinct crm_id) as crm_ids
    from sightings
    group by identifier_type, plain_value

),

-- at most one row an identifier, whatever the number of patterns that it matches
forbidden as (

    select counted.identifier_type, counted.plain_value, min(blocked.reason) as reason
    from counted
    inner join blocked
        on counted.identifier_type = blocked.identifier_type
        and {{ regex_matches_column('lower(counted.plain_value)', 'blocked.pattern') }}
    group by counted.identifier_type, counted.plain_value

),

final as (

    select
        counted.identifier_type,
        {{ stored_value }} as identifier_value,
        {{ surrogate_key(['counted.identifier_type', stored_value]) }} as identifier_key,
        counted.first_seen_at,
        counted.last_seen_at,
        counted.sources,
        counted.evidence_count,
        counted.names,
        counted.crm_ids,
        case
            when excluded.identifier_value is not null then 'excluded'
            when forbidden.reason is not null then forbidden.reason
            when counted.names > rules.max_names then 'several names'
            when counted.crm_ids > rules.max_crm_ids then 'too many customers'
        end as quarantine_reason
    from counted
    left join rules on counted.identifier_type = rules.identifier_type
    left join forbidden
        on counted.identifier_type = forbidden.identifier_type
        and counted.plain_value = forbidden.plain_value
    left join excluded
        on counted.identifier_type = excluded.identifier_type
        and {{ stored_value }} = excluded.identifier_value

)

select * from final
