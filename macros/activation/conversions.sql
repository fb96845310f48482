{# What the exposures that report conversions say under config.meta.sync, by platform. #}
{% macro upload_rules() %}
    {% set rules = {} %}
    {% if execute %}
        {% for exposure in graph.get('exposures', {}).values() | sort(attribute='name')
            if exposure.config.meta.get('sync', {}).get('key') == 'upload_key' %}
            {% do rules.update(
                {exposure.config.meta.sync.destination: exposure.config.meta.sync}
            ) %}
        {% endfor %}
    {% endif %}
    {{ return(rules) }}
{% endmacro %}


{#
    The key of what is reported of a conversion: the first report, or a correction;
    one of its value is another one at each value.
#}
{% macro upload_key(platform, conversion_key, operation='conversion', value=none) -%}
    {{ madang.surrogate_key(
        [platform, conversion_key, "'" ~ operation ~ "'"]
        + ([value] if operation == 'restatement' else [])
    ) }}
{%- endmacro %}


{#
    Whether a sync to the platform does not name the type of the conversion.
    Without a sync nothing is chosen, and the list is whole.
#}
{% macro upload_not_chosen(of, rules) -%}
    (
        false
        {%- for platform, rule in rules.items() %}
        or (
            {{ of }}.platform = '{{ platform }}'
            and {{ of }}.conversion_type not in (
                {{ madang.text_literals(rule.get('conversions', {}).keys() | sort) }}
            )
        )
        {%- endfor %}
    )
{%- endmacro %}


{#
    Whether GA4 cannot take back an event of this type:
    it refunds what is called purchase, and nothing else.
#}
{% macro upload_has_no_refund(of, rules) -%}
    {%- set refunded = [] -%}
    {%- for type, told in rules.get('ga4', {}).get('conversions', {}).items()
        if (told or {}).get('name') == 'purchase' -%}
        {%- do refunded.append(type) -%}
    {%- endfor -%}
    (
        {{ of }}.platform = 'ga4'
        and {{ of }}.conversion_type not in ({{ madang.text_literals(refunded | sort) }})
    )
{%- endmacro %}


{#
    Whether the platform takes this correction:
    by upload_limits, or because its sync says `adjustments`.
#}
{% macro upload_takes_corrections(of, rules) -%}
    (
        {{ of }}.takes_corrections in ('true', {{ of }}.operation)
        {%- for platform, rule in rules.items() if rule.get('adjustments') %}
        or {{ of }}.platform = '{{ platform }}'
        {%- endfor %}
    )
{%- endmacro %}


{#
    From when the days of upload_limits are counted.
    Google corrects a conversion so many days after it happened, whenever it was taken back.
#}
{% macro upload_ages_from(of) -%}
    case when {{ of }}.platform = 'google' then {{ of }}.verified_at else {{ of }}.happened_at end
{%- endmacro %}


{#
    Whether a conversion was verified so lately that it is not reported yet:
    `wait_days` of the sync.
#}
{% macro upload_waits(of, rules) -%}
    (
        false
        {%- for platform, rule in rules.items() if rule.get('wait_days') %}
        or (
            {{ of }}.platform = '{{ platform }}' and {{ of }}.operation = 'conversion'
            and {{ madang.seconds_between(of ~ '.happened_at', madang.as_of()) }}
                < {{ rule.wait_days }} * 86400
        )
        {%- endfor %}
    )
{%- endmacro %}


{#
    How many days ago it may have happened: `online_days` of upload_limits for types that the sync
    says did not happen in a store, else `conversion_days`.
#}
{% macro upload_days(of, rules) -%}
    case
        {%- for platform, rule in rules.items() %}
        {%- set online = [] %}
        {%- for type, told in rule.get('conversions', {}).items()
            if (told or {}).get('action_source', 'physical_store') != 'physical_store' %}
        {%- do online.append(type) %}
        {%- endfor %}
        when {{ of }}.platform = '{{ platform }}'
            and {{ of }}.conversion_type in ({{ madang.text_literals(online | sort) }})
            then {{ of }}.online_days
        {%- endfor %}
        when true then {{ of }}.conversion_days
    end
{%- endmacro %}


{#
    The rows of a sync that reports conversions to a platform:
    what `conversion_uploads` has of it, each as JSON text whose values are all texts.
#}
{% macro sync_conversions(platform) -%}
with uploads as (

    select *
    from {{ ref('conversion_uploads') }}
    where platform = '{{ platform }}' and coalesce(held_back_reason, 'none') <> 'already_sent'

),
{%- if platform in madang.reported_click_ids() %}

match_keys as (

    select person_id, string_agg(match_key, ' ' order by match_key) as match_keys
    from ({{ madang.ad_match_keys(platform, of_conversions=true) }}) as of_persons
    where match_key is not null
    group by person_id

),

with_match_keys as (

    select uploads.*, match_keys.match_keys
    from uploads
    left join match_keys on uploads.person_id = match_keys.person_id

),
{%- else %}

with_match_keys as (

    select *, cast(null as string) as match_keys
    from uploads

),
{%- endif %}

final as (

    select
        person_id,
        'ads' as channel,
        'advertising' as purpose,
        upload_key as sync_key,
        conversion_type as field,
        {{ madang.json_object({
            'operation': 'operation',
            'transaction_id': 'conversion_key',
            'object_id': 'object_id',
            'converted_micros': 'cast(' ~ madang.micros_of('converted_at') ~ ' as string)',
            'happened_micros': 'cast(' ~ madang.micros_of('happened_at') ~ ' as string)',
            'value': madang.float_text(
                "case when operation = 'retraction' then told_value else value end"
            ),
            'currency': 'currency',
            'click_id_name': 'click_id_name',
            'click_id': 'click_id',
            'clicked_micros': 'cast(' ~ madang.micros_of('clicked_at') ~ ' as string)',
            'match_keys': 'match_keys',
            'device_id': 'device_id',
        }) }} as value,
        held_back_reason
    from with_match_keys

)

select * from final
{%- endmacro %}
