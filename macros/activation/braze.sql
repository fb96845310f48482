{# The name of the sync that sends this model; empty where none does. #}
{% macro sync_name() %}
    {% if execute %}
        {% for exposure in graph.get('exposures', {}).values() if exposure.config.meta.get('sync', {}).get('model') == model.name %}
            {{ return(exposure.name) }}
        {% endfor %}
    {% endif %}
    {{ return('') }}
{% endmacro %}


{#
    Every id by which Braze may know a person, as `sync_key` has it: (person_id, key_kind, sync_key, place, is_usable). `place` orders the ids of one
    kind. Usable is what a sync may take as the person's key: an address that several persons have is none.
#}
{% macro braze_person_keys(rule) -%}
    {%- set person_key = rule.get('person_key', {}) -%}
    {%- set alias = rule.get('user_alias', {}) -%}
    select
        person_id,
        'external_id' as key_kind,
        case
            when {{ madang.regex_matches('customer_no', '^(external_id|user_alias|braze_id|email|phone):') }}
                then concat('external_id:', customer_no)
            else customer_no
        end as sync_key,
        row_number() over (
            partition by person_id
            order by
                case when registered_at is null then 1 else 0 end,
                registered_at {{ 'desc' if person_key.get('registered') == 'last' else 'asc' }},
                customer_no
        ) as place,
        {{ 'true' if person_key.get('among', 'current') == 'all' else 'is_current' }} as is_usable
    from {{ ref('customer_numbers') }}

    union all

    select
        persons.person_id,
        'braze_id' as key_kind,
        concat('braze_id:', users.braze_user_id) as sync_key,
        row_number() over (
            partition by persons.person_id order by users.last_seen_at desc, users.braze_user_id
        ) as place,
        not users.is_orphan and not users.is_deleted as is_usable
    from {{ ref('stg_braze__users') }} as users
    inner join {{ ref('record_persons') }} as persons
        on users.braze_user_id = persons.record_id and persons.source = 'braze'
    where persons.person_id is not null

    union all

    select
        person_id,
        field as key_kind,
        concat(field, ':', field_value) as sync_key,
        row_number() over (partition by person_id, field order by place, field_value) as place,
        is_chosen
        and min(person_id) over (partition by field, field_value)
        = max(person_id) over (partition by field, field_value) as is_usable
    from {{ ref('customer_values') }}
    where field in ('email', 'phone')
    {%- if alias %}

    union all

    select
        person_id,
        'user_alias' as key_kind,
        concat('user_alias:{{ alias.label }}:', identifier_value) as sync_key,
        row_number() over (partition by person_id order by identifier_value) as place,
        true as is_usable
    from {{ ref('person_identifiers') }}
    where identifier_type = '{{ alias.identifier }}'
    {%- endif %}
{%- endmacro %}


{#
    One key a person, the first that there is by `key_order` of the sync (external_id where it says nothing), and what is odd about it: (person_id,
    sync_key, warning). key_changed: the destination holds fields of the person under another key, which are taken away there and given to this one.
    several_customer_numbers: Braze may have a profile for each.
#}
{% macro sync_braze_keys() -%}
{%- set rule = madang.sync_rule() -%}
{%- set order = rule.get('key_order') or ['external_id'] -%}
    select
        chosen.person_id,
        chosen.sync_key,
        case
            when moved.person_id is not null then 'key_changed'
            when chosen.key_kind = 'external_id' and chosen.keys_of_kind > 1 then 'several_customer_numbers'
        end as warning
    from (
        select
            person_id,
            key_kind,
            sync_key,
            count(*) over (partition by person_id, key_kind) as keys_of_kind,
            row_number() over (partition by person_id order by kind_place, place, sync_key) as key_place
        from (
            select
                *,
                case key_kind
                    {%- for kind in order %}
                    when '{{ kind }}' then {{ loop.index }}
                    {%- endfor %}
                end as kind_place
            from (
                {{ madang.braze_person_keys(rule) }}
            ) as person_keys
        ) as placed
        where is_usable and kind_place is not null
    ) as chosen
    left join (
        select person_keys.person_id, max(held.sync_key) as last_key, min(held.sync_key) as first_key
        from (
            {{ madang.braze_person_keys(rule) }}
        ) as person_keys
        inner join (
            {{ madang.sync_last_sent(madang.sync_name()) }}
        ) as held on person_keys.sync_key = held.sync_key and held.is_there
        group by person_keys.person_id
    ) as moved
        on chosen.person_id = moved.person_id
        and (chosen.sync_key <> moved.last_key or chosen.sync_key <> moved.first_key)
    where chosen.key_place = 1
{%- endmacro %}


{# What was sent last of each key and field by a sync: (sync_key, field, is_there: the destination was given it and has it, or may have it). #}
{% macro sync_last_sent(sync) -%}
    select
        sync_key,
        field,
        operation <> 'remove' as is_there
    from {{ ref('stg_sync__deliveries') }}
    where sync = '{{ sync }}' and status in ('accepted', 'unknown')
    qualify row_number() over (
        partition by sync_key, field
        order by coalesce(ledger_no, 0) desc, recorded_at desc, run_id desc
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
        and consents.purpose = '{{ madang.sync_rule().get('purpose', 'marketing') }}'
    {%- if madang.sync_rule().get('channels') %}
        and consents.channel in ({{ madang.text_literals(madang.sync_rule().channels) }})
    {%- endif %}
{%- endmacro %}


{# The conditions of the activities that the sync of this model tells Braze, for `activities_that_meet`: each with its name there and whether it is a purchase. #}
{% macro braze_event_conditions(rule) %}
    {% set conditions = [] %}
    {% for list, name in {'events': 'name', 'purchases': 'product'}.items() %}
        {% for told in rule.get(list, []) %}
            {% do madang.require_actions(model.name, madang.value_texts(told.did)) %}
            {% for action in madang.value_texts(told.did) %}
                {% do conditions.append({
                    'number': conditions | length + 1, 'action': action, 'where': told.get('where', {}), 'within': rule.get('within', '30 days'),
                    'facts': [madang.text_literal(told[name]), madang.text_literal(list)],
                }) %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {{ return(conditions) }}
{% endmacro %}


{#
    One permit a person of what belongs to no audience: the first channel, of the sync's purpose and channels, on which the person may be contacted; else the channel and the reason
    that keeps the least back. Who is held out of all audiences has none, and who reached the caps of all these channels has none until then.
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
    where
        contactability.purpose = '{{ madang.sync_rule().get('purpose', 'marketing') }}'
    {%- if madang.sync_rule().get('channels') %}
        and contactability.channel in ({{ madang.text_literals(madang.sync_rule().channels) }})
    {%- endif %}
    qualify row_number() over (
        partition by contactability.person_id
        order by
            case when not contactability.is_allowed then 1 else 0 end,
            case when capped.person_id is not null then 1 else 0 end,
            contactability.channel
    ) = 1
{%- endmacro %}


{#
    One key a person for a subscription group: the id of `sync_braze_keys`, or the address or number that stands for the person, with a warning where Braze
    may have several users of it: all of them are set.
#}
{% macro sync_subscription_keys(key) -%}
    {%- if key == 'external_id' -%}
    {{ madang.sync_braze_keys() }}
    {%- else -%}
    select
        customer_values.person_id,
        concat('{{ key }}:', customer_values.field_value) as sync_key,
        case
            when min(customer_values.person_id) over (partition by customer_values.field_value)
                < max(customer_values.person_id) over (partition by customer_values.field_value)
                or coalesce(numbers.numbers_of_person, 0) > 1
                then 'address_of_several'
        end as warning
    from {{ ref('customer_values') }} as customer_values
    left join (
        select person_id, count(*) as numbers_of_person
        from {{ ref('customer_numbers') }}
        where is_current
        group by person_id
    ) as numbers on customer_values.person_id = numbers.person_id
    where customer_values.field = '{{ key }}' and customer_values.is_chosen
    {%- endif -%}
{%- endmacro %}


{# The key of the message that a campaign sends a person for an entry into its audience. #}
{% macro message_of_entry(campaign_id, person_id, entered_at) -%}
    {{ surrogate_key([campaign_id, person_id, 'cast(' ~ micros_of(entered_at) ~ ' as string)']) }}
{%- endmacro %}
