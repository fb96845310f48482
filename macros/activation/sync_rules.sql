{# What the exposure that sends this model says under config.meta.sync: its purpose and channels, and which key a person has at the destination. #}
{% macro sync_rule() %}
    {% if execute %}
        {% for exposure in graph.get('exposures', {}).values() if exposure.config.meta.get('sync', {}).get('model') == model.name %}
            {{ return(exposure.config.meta.sync) }}
        {% endfor %}
    {% endif %}
    {{ return({}) }}
{% endmacro %}


{# The permits of a sync: those of its purpose (marketing where it names none), and of the channels and audiences that it names, else of all. #}
{% macro sync_permits() -%}
    select *
    from {{ ref('audience_permits') }}
    where
        purpose = '{{ madang.sync_rule().get('purpose', 'marketing') }}'
    {%- if madang.sync_rule().get('channels') %}
        and channel in ({{ madang.text_literals(madang.sync_rule().channels) }})
    {%- endif %}
    {%- if madang.sync_rule().get('audiences') %}
        and audience in ({{ madang.text_literals(madang.sync_rule().audiences) }})
    {%- endif %}
{%- endmacro %}


{#
    Why a row of a sync is held back, null where it may be sent: the first that holds of what the permit says, an address that the destination does not know
    (`known_address`, of one that writes to the address that it has), no key there (`without_key`), and a source that is late. A row that starts a message (`is_message`) is held
    back in the night, too, where the person did not allow it: by the run's clock, or by the hour at which the message goes (`message_hour`).
#}
{% macro sync_held_back(permits, key, without_key, known_address=none, is_message=false, message_hour=none) -%}
    coalesce(
        {{ permits }}.held_back_reason,
        {%- if is_message %}
        case when {{ madang.is_night(message_hour) }} and not {{ permits }}.is_night_allowed then 'night_hours' end,
        {%- endif %}
        {%- if known_address %}
        case when not {{ known_address }} then 'bounced' end,
        {%- endif %}
        case when {{ key }} is null then '{{ without_key }}' end,
        'late_' || {{ permits }}.late_source
    )
{%- endmacro %}


{#
    One customer number a person, by `person_key` of the sync: `among` the numbers that the CRM still has (current) or all, and of these the one registered
    first or last.
#}
{% macro sync_customer_numbers() -%}
    {%- set rule = madang.sync_rule().get('person_key', {}) -%}
    select person_id, customer_no
    from {{ ref('customer_numbers') }}
    {%- if rule.get('among', 'current') == 'current' %}
    where is_current
    {%- endif %}
    qualify row_number() over (
        partition by person_id
        order by
            case when registered_at is null then 1 else 0 end,
            registered_at {{ 'desc' if rule.get('registered') == 'last' else 'asc' }},
            customer_no
    ) = 1
{%- endmacro %}
