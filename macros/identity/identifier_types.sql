{#
    The types of identifiers and the columns of `identity_records` that hold them, the strongest first. A record is known by the first of them that it has, and the
    others are tied to that one. A GA4 user id has no place of its own in a record: it is the customer number there too.
#}
{% macro identifier_columns() %}
    {{ return({
        'crm_id': 'crm_id', 'salesforce_id': 'salesforce_id', 'braze_id': 'braze_id', 'email': 'email_hash', 'phone': 'phone_hash'
    }) }}
{% endmacro %}


{# Every identifier of every record, with what it came with: (identifier_type, identifier_value, plain_value, crm_id, email_hash, phone_hash, name_key, source, …). #}
{% macro sightings_of_identifiers(records) -%}
    {% for type, column in dict(identifier_columns(), user_id='user_id').items() -%}
    select
        '{{ type }}' as identifier_type,
        {{ column }} as identifier_value,
        {{ type }} as plain_value,
        crm_id,
        email_hash,
        phone_hash,
        name_key,
        source,
        first_seen_at,
        last_seen_at,
        evidence_count
    from {{ records }}
    where {{ column }} is not null

    union all

    {% endfor -%}
    select
        concat(source, '_id') as identifier_type,
        becomes_id as identifier_value,
        becomes_id as plain_value,
        crm_id,
        email_hash,
        phone_hash,
        name_key,
        source,
        first_seen_at,
        last_seen_at,
        evidence_count
    from {{ records }}
    where becomes_id is not null
{%- endmacro %}
