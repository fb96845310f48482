{%- set columns = dict(identifier_columns(), user_id='user_id') -%}

with records as (

    select *
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

-- a record also names whom it became: the contact of a converted lead, the user into whom one of Braze was merged
sightings as (

    {% for type, column in columns.items() -%}
    select
        '{{ type }}' as identifier_type,
        {{ column }} as identifier_value,
        {{ type }} as plain_value,
        crm_id,
        email_hash,
        name_key,
        source,
        first_seen_at,
        last_seen_at,
        evidence_count
    from records
    where {{ column }} is not null

    union all

    {% endfor -%}
    select
        concat(source, '_id') as identifier_type,
        becomes_id as identifier_value,
        becomes_id as plain_value,
        crm_id,
        email_hash,
        name_key,
        source,
        first_seen_at,
        last_seen_at,
        evidence_count
    from records
    where becomes_id is not null

),

counted as (

    select
        identifier_type,
        identifier_value,
        min(plain_value) as plain_value,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        string_agg(distinct source, ', ' order by source) as sources,
        cast(sum(evidence_count) as int64) as evidence_count,
        count(distinct name_key) as names,
        count(distinct crm_id) as crm_ids,
        count(distinct email_hash) as emails
    from sightings
    group by identifier_type, identifier_value

),

-- at most one row an identifier, whatever the number of patterns that it matches
forbidden as (

    select counted.identifier_type, counted.identifier_value, min(blocked.reason) as reason
    from counted
    inner join blocked
        on counted.identifier_type = blocked.identifier_type
        and {{ regex_matches_column('lower(counted.plain_value)', 'blocked.pattern') }}
    group by counted.identifier_type, counted.identifier_value

),

-- a customer number that somebody else had before it was issued to its owner: another name, and no address in common
given_again as (

    select earlier.crm_id
    from records as earlier
    inner join records as owners on earlier.crm_id = owners.crm_id and earlier.first_seen_at < owners.issued_at
    where earlier.name_key is not null and owners.name_key is not null
    group by earlier.crm_id
    having count(
        case
            when earlier.name_key = owners.name_key
                or earlier.email_hash = owners.email_hash
                or earlier.phone_hash = owners.phone_hash then 1
        end
    ) = 0

),

final as (

    select
        counted.identifier_type,
        counted.identifier_value,
        {{ surrogate_key(['counted.identifier_type', 'counted.identifier_value']) }} as identifier_key,
        counted.first_seen_at,
        counted.last_seen_at,
        counted.sources,
        counted.evidence_count,
        counted.names,
        counted.crm_ids,
        counted.emails,
        case
            when excluded.identifier_value is not null then 'excluded'
            when forbidden.reason is not null then forbidden.reason
            when counted.names > rules.max_names then 'several names'
            when counted.crm_ids > rules.max_crm_ids then 'too many customers'
            when given_again.crm_id is not null then 'given to somebody else'
        end as quarantine_reason
    from counted
    left join rules on counted.identifier_type = rules.identifier_type
    left join forbidden
        on counted.identifier_type = forbidden.identifier_type
        and counted.identifier_value = forbidden.identifier_value
    left join excluded
        on counted.identifier_type = excluded.identifier_type
        and counted.identifier_value = excluded.identifier_value
    left join given_again
        on counted.identifier_value = given_again.crm_id
        and counted.identifier_type in ('crm_id', 'user_id')

)

select * from final
