{#
    Why a row of a sync is held back, null where it may be sent. The first reason that holds counts: what the permit says; an address that the destination does
    not know (`known_address`, for a destination that writes to its own address); no key there (`without_key`); a late source. A row that starts a message
    (`is_message`) is held back in the night, too, where the person did not allow it. The night goes by the run's clock, or by the hour at which the message
    goes (`message_hour`).
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
    Of the rows of a sync that are one at the destination, the one that counts: a single no holds them back. `per` is what makes them one, `tie` orders those that say the same.
#}
{% macro sync_no_wins(relation, per, tie) -%}
    select *
    from {{ relation }}
    qualify row_number() over (
        partition by {{ per }}
        order by case when held_back_reason is null then 1 else 0 end, {{ tie }}
    ) = 1
{%- endmacro %}
