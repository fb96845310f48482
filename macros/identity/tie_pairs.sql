{#
    Selections of pairs of identifiers that a record ties, for `identity_edges`: (left_type,
    left_value, right_type, right_value, rule, source, first_seen_at, last_seen_at, evidence_count).
    `stars` are records with left_type, left_value and rule; `records` are all of identity_records.
#}
{% macro pairs_in_stars(stars) -%}
    {%- set own_rules = {
        'user_id': "'the GA4 user id is the CRM id'",
        'braze_id': "'the external id of Braze is the CRM id'",
    } -%}
    {% for type, column in dict(identifier_columns(), user_id='user_id').items()
        if type != 'crm_id' -%}
    select
        left_type,
        left_value,
        '{{ type }}' as right_type,
        {{ column }} as right_value,
        {{ own_rules.get(type, 'rule') }} as rule,
        source,
        first_seen_at,
        last_seen_at,
        evidence_count
    from {{ stars }}
    where {{ column }} is not null and left_type <> '{{ type }}'

    union all

    {% endfor -%}
    select
        concat(source, '_id') as left_type,
        becomes_id as left_value,
        concat(source, '_id') as right_type,
        coalesce(salesforce_id, braze_id) as right_value,
        'became it' as rule,
        source,
        first_seen_at,
        last_seen_at,
        evidence_count
    from {{ stars }}
    where becomes_id is not null and coalesce(salesforce_id, braze_id) is not null
{%- endmacro %}


{#
    What was given as a hash is the address or the number whose hash it is;
    where others normalise otherwise, their hash is another identifier.
#}
{% macro pairs_by_hash(records) -%}
    {% for type, hash in {
        'email': hash_by_google('email'), 'phone': hash_by_meta('phone')
    }.items() -%}
    select
        '{{ type }}' as left_type,
        plain.{{ type }}_hash as left_value,
        '{{ type }}' as right_type,
        given.value as right_value,
        'its hash' as rule,
        plain.source,
        plain.first_seen_at,
        plain.last_seen_at,
        plain.evidence_count
    from {{ records }} as plain
    inner join (
        select distinct {{ type }}_hash as value
        from {{ records }}
        where {{ type }} is null and {{ type }}_hash is not null
    ) as given on {{ hash }} = given.value
    where plain.{{ type }} is not null
    {{ 'union all' if not loop.last }}

    {% endfor %}
{%- endmacro %}
