{#
    Tiers by rules, the highest first: a list under `meta.tier_rules` of a model (docs/consent.md).
    Where there is one, the tiers of the CRM are not read.
#}
{% macro tier_rules() %}{{ return(madang.named_rules('tier_rules')) }}{% endmacro %}


{#
    The tier of each person from one first day of a month to the next: (person_id, listed_at, tier).
    What was verified before that day counts, of conversions that are not older than the rule says.
    It takes no clock: the last rows say what will be so if nothing more happens.
#}
{% macro tiers_by_rules(rules, conversions, changes) -%}
    with changed as (

        select
            conversions.person_id,
            conversions.conversion_type,
            conversions.converted_at,
            changes.change_date,
            changes.verified_change,
            coalesce(changes.verified_value_change, 0) as value_change
        from {{ changes }} as changes
        inner join {{ conversions }} as conversions
            on changes.conversion_key = conversions.conversion_key
        where
            conversions.person_id is not null
            and (changes.verified_change <> 0 or coalesce(changes.verified_value_change, 0) <> 0)

    ),

    spans as (

        {% for rule in rules -%}
        {%- set within = madang.duration_micros(rule.within) -%}
        {%- set ends_at = madang.timestamp_plus('converted_at', within, 'microsecond') -%}
        select
            {{ loop.index }} as place,
            person_id,
            verified_change,
            value_change,
            {{ madang.month_before('change_date', '-1') }} as first_month,
            {{ madang.month_before(madang.local_date(ends_at), '-1') }} as end_month
        from changed
        {% if rule.get('of') -%}
        where conversion_type in ({{ madang.text_literals(madang.as_list(rule.of)) }})
        {% endif -%}
        {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    steps as (

        select place, person_id, first_month as month, verified_change, value_change
        from spans
        where first_month < end_month

        union all

        select
            place, person_id, end_month as month,
            0 - verified_change as verified_change, 0 - value_change as value_change
        from spans
        where first_month < end_month

    ),

    summed as (

        select
            person_id,
            month
            {%- for n in range(1, rules | length + 1) %},
            sum(case when place = {{ n }} then verified_change else 0 end) as count_{{ n }},
            sum(case when place = {{ n }} then value_change else 0 end) as value_{{ n }}
            {%- endfor %}
        from steps
        group by person_id, month

    ),

    standing as (

        select
            person_id,
            month
            {%- for n in range(1, rules | length + 1) %},
            sum(count_{{ n }}) over by_month as count_{{ n }},
            round(sum(value_{{ n }}) over by_month, 4) as value_{{ n }}
            {%- endfor %}
        from summed
        window by_month as (partition by person_id order by month)

    )

    select
        person_id,
        {{ madang.timestamp_from_local_text('cast(month as string)') }} as listed_at,
        case
            {%- for rule in rules %}
            when count_{{ loop.index }} >= {{ rule.get('conversions', 1) }}
            {%- if rule.get('value') is not none %}
                and value_{{ loop.index }} >= {{ rule.value }}
            {%- endif %}
                then {{ madang.text_literal(rule.name) }}
            {%- endfor %}
        end as tier
    from standing
{%- endmacro %}
