{%- if not execute %}{{ ref('contactability') }} {{ ref('activities') }}{% endif -%}
{%- set specs = audience_specs() -%}
{%- set levels = audience_levels(specs) -%}
{%- set reaches = [] -%}
{%- for spec in specs.values() %}{% do reaches.append(audience_reach(spec.rule)) %}{% endfor -%}

with evidence as (

    select audience, part_number, subject_id, person_id, counted_activities, last_at, holds
    from {{ ref('audience_evidence') }}

),

customers as (

    select {{ (['person_id'] + audience_attributes()) | join(', ') }}
    from {{ customers_with_profiles() }}

),

activities as (

    {% if 'everyone' in reaches -%}
    select subject_id, person_id
    from {{ ref('activities') }}
    where subject_id is not null
    {%- else -%}
    select cast(null as string) as subject_id, cast(null as string) as person_id
    from (select 1 as one) as nothing
    where one = 0
    {%- endif %}

),

audiences as (

    {{ audience_rows() }}

),

-- a rule may hold for a subject that did nothing, or who has what the rule asks for
subjects as (

    select subject_id, min(person_id) as person_id, {{ any_true('is_customer') }} as is_customer
    from (
        select subject_id, person_id, false as is_customer
        from activities
        union all
        select person_id as subject_id, person_id, true as is_customer
        from customers
        where {{ 'false' if reaches | unique | list == ['done'] or not reaches else 'true' }}
    ) as known
    group by subject_id

),

{% for names in levels -%}
{%- set level = '' if loop.first else '_' ~ loop.index -%}
{%- if not loop.first -%}
-- audiences that ask for members of those before them
evidence{{ level }} as (

    select *
    from evidence
    where audience in ({{ text_literals(names) }})

    union all

    {{ evidence_of_audiences(
        names, 'candidates' ~ ('' if loop.index == 2 else '_' ~ (loop.index - 1))
    ) }}

),

{% endif -%}
met{{ level }} as (

    {{ audience_met('evidence' ~ level) }}

),

others{{ level }} as (

    select audiences.audience, subjects.subject_id, subjects.person_id
    from subjects
    inner join audiences
        on {{ '(' if levels | length > 1 }}audiences.reaches_everyone
        or (audiences.reaches_customers and subjects.is_customer)
        {%- if levels | length > 1 %})
        and audiences.audience in ({{ text_literals(names) }})
        {%- endif %}
    left join met{{ level }} as met
        on audiences.audience = met.audience
        and subjects.subject_id = met.subject_id
    where met.subject_id is null

),

possible{{ level }} as (

    select *
    from met{{ level }}

    union all

    select
        audience,
        subject_id,
        person_id,
        {%- for number in audience_evidence_numbers() %}
        false as met_{{ number }},
        {%- endfor %}
        {%- for number in audience_numbers_at_most() %}
        false as failed_{{ number }},
        {%- endfor %}
        0 as matched_activities,
        cast(null as timestamp) as last_matched_at
    from others{{ level }}

),

candidates{{ level }} as (

    {% if not loop.first -%}
    select *
    from candidates{{ '' if loop.index == 2 else '_' ~ (loop.index - 1) }}

    union all

    {% endif -%}
    select
        possible.audience, possible.subject_id, possible.person_id, possible.matched_activities,
        possible.last_matched_at, audiences.rule_version
    from possible{{ level }} as possible
    inner join audiences on possible.audience = audiences.audience
    left join customers on possible.person_id = customers.person_id  -- noqa: ST11
    where
        case possible.audience
            {%- for name in names %}
            when {{ text_literal(name) }}
                then {{ audience_boolean(specs[name].rule, 'possible', 'customers')[0] }}
            {%- else %}
            when 'none' then false
            {%- endfor %}
            else false
        end

),

{% endfor -%}
final as (

    select *
    from candidates{{ '_' ~ levels | length if levels | length > 1 }}

)

select * from final
