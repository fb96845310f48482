{#
    The types of identifiers and the columns of `identity_records` that hold them, the strongest first. A record is known by the first of them that it has, and the
    others are tied to that one. A GA4 user id has no place of its own in a record: it is the customer number there too.
#}
{% macro identifier_columns() %}
    {{ return({
        'crm_id': 'crm_id', 'salesforce_id': 'salesforce_id', 'braze_id': 'braze_id', 'email': 'email_hash', 'phone': 'phone_hash'
    }) }}
{% endmacro %}
