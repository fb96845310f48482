{# What the exposure that sends this model says under config.meta.sync: its purpose and channels, and which key a person has at the destination. #}
{% macro sync_rule() %}
    {% for exposure in madang.sync_exposures() %}{{ return(exposure.config.meta.sync) }}{% endfor %}
    {{ return({}) }}
{% endmacro %}


{# The names of the syncs that send this model, as texts; one that none has where there is no such sync. #}
{% macro sync_names() -%}
    {{ madang.text_literals(madang.sync_exposures() | map(attribute='name') | list or ['']) }}
{%- endmacro %}


{# The exposures that send this model. #}
{% macro sync_exposures() %}
    {% set found = [] %}
    {% for exposure in graph.get('exposures', {}).values() if execute and exposure.config.meta.get('sync', {}).get('model') == model.name %}
        {% do found.append(exposure) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# The permits of a sync: those of its purpose (marketing where it names none), and of the channels and audiences that it names, else of all. #}
{% macro sync_permits() -%}
    select *
    from {{ ref('audience_permits') }} as permits
    where
        {{ madang.is_of_sync('permits') }}
    {%- if madang.sync_rule().get('audiences') %}
        and audience in ({{ madang.text_literals(madang.sync_rule().audiences) }})
    {%- endif %}
{%- endmacro %}


{# Is a row of a relation of the purpose of the sync (marketing where it names none), and of one of its channels, else of any? #}
{% macro is_of_sync(relation) -%}
    {{ relation }}.purpose = '{{ madang.sync_rule().get('purpose', 'marketing') }}'
    {%- if madang.sync_rule().get('channels') %}
        and {{ relation }}.channel in ({{ madang.text_literals(madang.sync_rule().channels) }})
    {%- endif %}
{%- endmacro %}


{#
    One permit a person of what belongs to no audience: the first channel, of the sync's purpose and channels, on which the person may be contacted; else the channel with the least
    reason. Who is held out of all audiences has none, and who reached the caps of all these channels has none until then.
#}
{% macro sync_person_permits() -%}
    select
        contactability.person_id,
        contactability.channel,
        contactability.purpose,
        {{ madang.permit_reason('contactability.reason', 'held_out.person_id', 'capped.person_id') }} as held_back_reason
    from {{ ref('contactability') }} as contactability
    left join (
        select person_id
        from {{ ref('holdout_arms') }}
        where experiment = '{{ madang.global_experiment() }}' and is_held_out
    ) as held_out on contactability.person_id = held_out.person_id
    left join {{ ref('capped_people') }} as capped
        on contactability.person_id = capped.person_id
        and contactability.channel = capped.channel
        and contactability.purpose = 'marketing'
    where {{ madang.is_of_sync('contactability') }}
    qualify row_number() over (
        partition by contactability.person_id
        order by
            case when contactability.is_allowed then 0 else 1 end,
            case when capped.person_id is null then 0 else 1 end,
            contactability.channel
    ) = 1
{%- endmacro %}


{#
    Who left an audience in the last days, by channel and purpose of the sync, with what is allowed now, by the reasons of `audience_permits`. A sync that keeps them for so long pays
    nothing for somebody who comes back soon.
#}
{% macro sync_leavers(days) -%}
    select
        leavers.audience,
        leavers.person_id,
        consents.channel,
        consents.purpose,
        {{ madang.permit_reason('contactability.reason', 'held_out.person_id', 'capped.person_id') }} as held_back_reason,
        contactability.is_main_address
    from {{ ref('audience_leavers') }} as leavers
    inner join (
        {{ madang.audience_consent_rows(madang.audience_specs()) }}
    ) as consents on leavers.audience = consents.audience
    left join {{ ref('contactability') }} as contactability
        on leavers.person_id = contactability.person_id
        and consents.channel = contactability.channel
        and consents.purpose = contactability.purpose
    left join (
        {{ madang.held_out_rows(madang.holdout_audience_rows()) }}
    ) as held_out
        on leavers.audience = held_out.audience
        and leavers.person_id = held_out.person_id
    left join {{ ref('capped_people') }} as capped
        on leavers.person_id = capped.person_id
        and consents.channel = capped.channel
        and consents.purpose = 'marketing'
    where
        leavers.seconds_since_exit < {{ days }} * 86400
        and {{ madang.is_of_sync('consents') }}
{%- endmacro %}


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


{# What was sent last of each key and field by the sync of this model: (sync_key, field, is_there: the destination was given it and has it, or may have it). #}
{% macro sync_last_sent() -%}
    select
        sync_key,
        field,
        operation <> 'remove' as is_there
    from {{ ref('stg_sync__deliveries') }} as deliveries
    where sync in ({{ madang.sync_names() }}) and status in ('accepted', 'unknown')
    qualify row_number() over (
        partition by sync_key, field
        order by {{ madang.newest_delivery_first('deliveries') }}
    ) = 1
{%- endmacro %}


{#
    The order of the deliveries of one key and field: by the ledger's numbers, never by a clock, which may be set back. What became known of a run later has the
    run's number, and its id with -later behind.
#}
{% macro newest_delivery_first(deliveries) -%}
    coalesce({{ deliveries }}.ledger_no, 0) desc, {{ deliveries }}.run_id desc
{%- endmacro %}
