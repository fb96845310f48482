with records as (

    select source, crm_id, user_id, email, phone, first_seen_at, last_seen_at, evidence_count
    from {{ ref('identity_records') }}
    where links

),

decisions as (

    select left_type, left_value, right_type, right_value, decided_at
    from {{ ref('identity_decisions') }}
    where decision = 'must_link'

),

identifiers as (

    select identifier_key, identifier_type, identifier_value, quarantine_reason
    from {{ ref('identifiers') }}

),

-- one record, one star: every identifier that it carries is tied to the strongest one
pairs as (

    {% set pairs = [
        ('crm_id', 'user_id', 'the GA4 user id is the CRM id', 'crm_id is not null'),
        ('crm_id', 'email', 'one record', 'crm_id is not null'),
        ('crm_id', 'phone', 'one record', 'crm_id is not null'),
        ('email', 'phone', 'one record', 'crm_id is null'),
    ] %}
    {% for left, right, rule, condition in pairs %}
    select
        '{{ left }}' as left_type,
        {{ sha256_hex(left) if left in ['email', 'phone'] else left }} as left_value,
        '{{ right }}' as right_type,
        {{ sha256_hex(right) if right in ['email', 'phone'] else right }} as right_value,
        '{{ rule }}' as rule,
        source,
        first_seen_at,
        last_seen_at,
        evidence_count
    from records
    where {{ left }} is not null and {{ right }} is not null and {{ condition }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

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
        left_identifier.quarantine_reason is not null or right_identifier.quarantine_reason is not null
            as is_quarantined
    from grouped
    inner join identifiers as left_identifier
        on grouped.left_type = left_identifier.identifier_type
        and grouped.left_value = left_identifier.identifier_value
    inner join identifiers as right_identifier
        on grouped.right_type = right_identifier.identifier_type
        and grouped.right_value = right_identifier.identifier_value

)

select * from final
