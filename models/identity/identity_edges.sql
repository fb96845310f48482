{%- set columns = identifier_columns() -%}
{%- set nameless = 'one record without a name' -%}

with quarantined_numbers as (

    select identifier_value as crm_id
    from {{ ref('identifiers') }}
    where identifier_type = 'crm_id' and quarantine_reason is not null

),

every_record as (

    select *
    from {{ ref('identity_records') }}

),

-- a record whose customer number names nobody counts a second time without it:
-- the rest still belongs together
records as (

    select *
    from every_record
    where links

    union all

    select
        every_record.* replace (cast(null as string) as crm_id, cast(null as string) as becomes_id)
    from every_record
    inner join quarantined_numbers on every_record.crm_id = quarantined_numbers.crm_id
    where every_record.links and every_record.user_id is null

),

decisions as (

    select left_type, left_value, right_type, right_value, decided_at
    from {{ ref('identity_decisions') }}
    where decision = 'must_link'

),

identifiers as (

    select
        identifier_key, identifier_type, identifier_value,
        crm_ids, emails, phones, quarantine_reason
    from {{ ref('identifiers') }}

),

-- one record, one star: every identifier that it carries is tied to the strongest one
stars as (

    select
        *,
        case
            {% for type, column in columns.items() -%}
            when {{ column }} is not null then '{{ type }}'
            {% endfor -%}
        end as left_type,
        coalesce({{ columns.values() | join(', ') }}) as left_value,
        case when name_key is null then '{{ nameless }}' else 'one record' end as rule
    from records

),

pairs as (

    {{ pairs_in_stars('stars') }}

    union all

    {{ pairs_by_hash('every_record') }}

),

grouped as (

    select
        left_type,
        left_value,
        right_type,
        right_value,
        rule,
        source,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        cast(sum(evidence_count) as int64) as evidence_count
    from pairs
    group by left_type, left_value, right_type, right_value, rule, source

    union all

    select
        left_type,
        left_value,
        right_type,
        right_value,
        'decided' as rule,
        'decision' as source,
        min({{ timestamp_from_text('decided_at') }}) as first_seen_at,
        max({{ timestamp_from_text('decided_at') }}) as last_seen_at,
        count(*) as evidence_count
    from decisions
    group by left_type, left_value, right_type, right_value

),

-- without a name nobody notices a family's number: what several people gave is no tie then
final as (

    select
        left_identifier.identifier_key as left_key,
        right_identifier.identifier_key as right_key,
        {{ sixty_bits('left_identifier.identifier_key') }} as left_id,
        {{ sixty_bits('right_identifier.identifier_key') }} as right_id,
        grouped.left_type,
        grouped.left_value,
        grouped.right_type,
        grouped.right_value,
        grouped.rule,
        grouped.source,
        grouped.first_seen_at,
        grouped.last_seen_at,
        grouped.evidence_count,
        left_identifier.quarantine_reason is not null
        or right_identifier.quarantine_reason is not null
        or (
            grouped.rule = '{{ nameless }}'
            and case
                when grouped.right_type = 'chat_key'
                    then greatest(
                        right_identifier.crm_ids, right_identifier.emails, right_identifier.phones
                    ) > 1
                when grouped.left_type = 'crm_id' then right_identifier.crm_ids > 1
                when grouped.left_type = 'email'
                    then right_identifier.emails > 1 or left_identifier.phones > 1
                else right_identifier.emails > 1
            end
        ) as is_quarantined
    from grouped
    inner join identifiers as left_identifier
        on grouped.left_type = left_identifier.identifier_type
        and grouped.left_value = left_identifier.identifier_value
    inner join identifiers as right_identifier
        on grouped.right_type = right_identifier.identifier_type
        and grouped.right_value = right_identifier.identifier_value

)

select * from final
