{# The key of the message that a campaign sends a person for an entry into its audience. #}
{% macro message_of_entry(campaign_id, person_id, entered_at) -%}
    {{ surrogate_key([campaign_id, person_id, 'cast(' ~ micros_of(entered_at) ~ ' as string)']) }}
{%- endmacro %}
