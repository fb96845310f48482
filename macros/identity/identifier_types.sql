{#
    The types of identifiers and their columns in `identity_records`, the strongest first. A record
    is known by its first one, and the others are tied to that one. A GA4 user id has no column of
    its own: it is the customer number.
#}
{% macro identifier_columns() %}
    {{ return({
        'crm_id': 'crm_id', 'salesforce_id': 'salesforce_id', 'braze_id': 'braze_id',
        'email': 'email_hash', 'phone': 'phone_hash',
        'chat_key': 'chat_key',
    }) }}
{% endmacro %}


{#
    Every identifier of every record, with what it came with: (identifier_type, identifier_value,
    plain_value, crm_id, email_hash, phone_hash, name_key, source, …).
#}
{% macro sightings_of_identifiers(records) -%}
    {% set places = [("concat(source, '_id')", 'becomes_id', 'becomes_id')] -%}
    {% for type, column in dict(identifier_columns(), user_id='user_id').items() -%}
    {% do places.append(("'" ~ type ~ "'", column, type)) -%}
    {% endfor -%}
    {% for type, column, plain_column in places -%}
    select
        {{ type }} as identifier_type,
        {{ column }} as identifier_value,
        {{ plain_column }} as plain_value,
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
    {{ 'union all' if not loop.last }}

    {% endfor -%}
{%- endmacro %}
