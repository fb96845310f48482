{#
    Every id by which Braze may know a person: (person_id, key_kind, sync_key, place, is_usable).
    `place` orders the ids of one kind. A sync may use only usable ids. An address of several
    persons is not usable.
#}
{% macro braze_person_keys(rule) -%}
    {%- set person_key = rule.get('person_key', {}) -%}
    {%- set alias = rule.get('user_alias', {}) -%}
    select
        person_id,
        'external_id' as key_kind,
        case
            when {{ madang.regex_matches(
                'customer_no', '^(external_id|user_alias|braze_id|email|phone):'
            ) }}
                then concat('external_id:', customer_no)
            else customer_no
        end as sync_key,
        row_number() over (
            partition by person_id
            order by {{ madang.customer_number_order(person_key) }}
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
    One key per person: (person_id, sync_key, warning). It is the first that exists in the
    `key_order` of the sync, which is external_id by default.

    Warnings. key_changed: Braze has fields of the person under another key; they are removed there
    and sent under this one. several_customer_numbers: Braze may have a profile for each number.
#}
{% macro sync_braze_keys() -%}
{%- set rule = madang.sync_rule() -%}
{%- set order = rule.get('key_order') or ['external_id'] -%}
    select
        chosen.person_id,
        chosen.sync_key,
        case
            when moved.person_id is not null then 'key_changed'
            when chosen.key_kind = 'external_id' and chosen.keys_of_kind > 1
                then 'several_customer_numbers'
        end as warning
    from (
        select
            person_id,
            key_kind,
            sync_key,
            count(*) over (partition by person_id, key_kind) as keys_of_kind,
            row_number() over (partition by person_id order by kind_place, place, sync_key)
                as key_place
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
        select
            person_keys.person_id, max(held.sync_key) as last_key, min(held.sync_key) as first_key
        from (
            {{ madang.braze_person_keys(rule) }}
        ) as person_keys
        inner join (
            {{ madang.sync_last_sent() }}
        ) as held on person_keys.sync_key = held.sync_key and held.is_there
        group by person_keys.person_id
    ) as moved
        on chosen.person_id = moved.person_id
        and (chosen.sync_key <> moved.last_key or chosen.sync_key <> moved.first_key)
    where chosen.key_place = 1
{%- endmacro %}


{#
    One key per person for a subscription group: the key of `sync_braze_keys`, or the person's
    address or number. address_of_several warns that several users of Braze may have it. Braze then
    sets all of them.
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
