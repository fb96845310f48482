{#
    The permits of a sync: those of its purpose (marketing where it names none),
    and of the channels and audiences that it names, else of all.
#}
{% macro sync_permits() -%}
    select *
    from {{ ref('audience_permits') }} as permits
    where
        {{ madang.is_of_sync('permits') }}
    {%- if madang.sync_rule().get('audiences') %}
        and audience in ({{ madang.text_literals(madang.sync_rule().audiences) }})
    {%- endif %}
{%- endmacro %}


{#
    Is a row of a relation of the purpose of the sync (marketing where it names none),
    and of one of its channels, else of any?
#}
{% macro is_of_sync(relation) -%}
    {{ relation }}.purpose = '{{ madang.sync_rule().get('purpose', 'marketing') }}'
    {%- if madang.sync_rule().get('channels') %}
        and {{ relation }}.channel in ({{ madang.text_literals(madang.sync_rule().channels) }})
    {%- endif %}
{%- endmacro %}


{#
    One permit per person, for what belongs to no audience. It is for the first channel of the sync
    on which the person may be contacted, else for the first channel with its reason.

    A person who is held out of all audiences is held back. So is a person who reached the caps of
    all these channels.
#}
{% macro sync_person_permits() -%}
    select
        contactability.person_id,
        contactability.channel,
        contactability.purpose,
        {{ madang.permit_reason(
            'contactability.reason', 'held_out.person_id', 'capped.person_id'
        ) }} as held_back_reason
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
    People who left an audience in the last `days`, by channel and purpose of the sync, with the
    reason for which they may not be contacted now. A sync keeps them that long, so that a person
    who comes back soon costs nothing.
#}
{% macro sync_leavers(days) -%}
    select
        leavers.audience,
        leavers.person_id,
        consents.channel,
        consents.purpose,
        {{ madang.permit_reason(
            'contactability.reason', 'held_out.person_id', 'capped.person_id'
        ) }} as held_back_reason,
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
