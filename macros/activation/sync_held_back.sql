{#
    The reason why a row of a sync is held back; null where the row may be sent. The first reason
    counts: that of the permit, an address that the destination does not know (`known_address`), a
    missing key (`without_key`), a late source.

    A row that starts a message (`is_message`) is also held back at night, unless the person allowed
    it. The hour is that of the run's clock, or `message_hour` where the message is sent later.
#}
{% macro sync_held_back(
    permits, key, without_key, known_address=none, is_message=false, message_hour=none
) -%}
    coalesce(
        {{ permits }}.held_back_reason,
        {%- if is_message %}
        case
            when {{ madang.is_night(message_hour) }} and not {{ permits }}.is_night_allowed
                then 'night_hours'
        end,
        {%- endif %}
        {%- if known_address %}
        case when not {{ known_address }} then 'bounced' end,
        {%- endif %}
        case when {{ key }} is null then '{{ without_key }}' end,
        'late_' || {{ permits }}.late_source
    )
{%- endmacro %}


{#
    One row for rows that are the same at the destination (`per`). A row that is held back wins, so
    a single no counts. `tie` orders rows that say the same.
#}
{% macro sync_no_wins(relation, per, tie) -%}
    select *
    from {{ relation }}
    qualify row_number() over (
        partition by {{ per }}
        order by case when held_back_reason is null then 1 else 0 end, {{ tie }}
    ) = 1
{%- endmacro %}
