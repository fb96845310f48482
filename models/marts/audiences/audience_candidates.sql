{%- set specs = audience_specs() -%}

with activities as (

    select subject_id, person_id, action, object_type, object_id, object_name, source, channel_group, campaign, occurred_at
    from {{ ref('activities') }}
    where subject_id is not null

),

customers as (

    select *
    from {{ ref('customers') }}

),

-- somebody who never did anything may still have, or lack, what a rule asks for
subjects as (

    select subject_id, person_id, action, object_type, object_id, object_name, source, channel_group, campaign, occurred_at
    from activities

    union all

    select person_id, person_id, null, null, null, null, null, null, null, null
    from customers

),

totals as (

    select
        subject_id,
        min(person_id) as person_id
        {%- for name, spec in specs.items() %}
        {%- set any_of = [] %}
        {%- for condition in audience_conditions(spec.rule) if 'did' in condition or 'has' in condition %}
        {%- set column = name ~ '_' ~ loop.index0 %}
        {%- if 'did' in condition %}
        {%- do any_of.append(audience_did(condition, spec.get('within'))) %}
        {%- if 'and_not' in condition %},
        max(case when {{ any_of[-1] }} then occurred_at end) as {{ column }}_at,
        max(case when {{ audience_cancels(condition) }} then occurred_at end) as {{ column }}_cancelled_at
        {%- else %},
        count(case when {{ any_of[-1] }} then 1 end) as {{ column }}_count
        {%- endif %}
        {%- endif %}
        {%- endfor %},
        {%- set matched = any_of | join(' or ') or 'false' %}
        count(case when {{ matched }} then 1 end) as {{ name }}_activities,
        max(case when {{ matched }} then occurred_at end) as {{ name }}_last_at
        {%- endfor %}
    from subjects
    group by subject_id

),

audiences as (

    {% for name, spec in specs.items() -%}
    select {{ text_literal(name) }} as audience, '{{ local_md5(tojson(spec))[:12] }}' as rule_version
    {{ 'union all' if not loop.last }}
    {% else -%}
    select 'none' as audience, '' as rule_version
    {% endfor %}

),

final as (

    select
        audiences.audience,
        totals.subject_id,
        totals.person_id,
        case audiences.audience
            {% for name in specs %}when '{{ name }}' then {{ name }}_activities
            {% else %}when 'none' then 0
            {% endfor %}else 0
        end as matched_activities,
        case audiences.audience
            {% for name in specs %}when '{{ name }}' then {{ name }}_last_at
            {% else %}when 'none' then cast(null as timestamp)
            {% endfor %}else cast(null as timestamp)
        end as last_matched_at,
        audiences.rule_version
    from totals
    cross join audiences
    left join customers on totals.person_id = customers.person_id
    where
        case audiences.audience
            {% for name, spec in specs.items() %}when '{{ name }}' then {{ audience_boolean(spec.rule, name ~ '_', []) }}
            {% else %}when 'none' then false
            {% endfor %}else false
        end

)

select * from final
