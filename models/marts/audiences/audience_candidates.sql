{%- set specs = audience_specs() -%}
{%- set reaches = [] -%}
{%- for spec in specs.values() %}{% do reaches.append(audience_reach(spec.rule)) %}{% endfor -%}

with evidence as (

    select audience, part_number, subject_id, person_id, counted_activities, last_at, holds
    from {{ ref('audience_evidence') }}

),

customers as (

    select {{ (['person_id'] + audience_attributes()) | join(', ') }}
    from {{ ref('customers') }}

),

activities as (

    select subject_id, person_id
    from {{ ref('activities') }}
    where {{ 'subject_id is not null' if 'everyone' in reaches else 'false' }}

),

audiences as (

    {{ audience_rows() }}

),

met as (

    {{ audience_met('evidence') }}

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

others as (

    select audiences.audience, subjects.subject_id, subjects.person_id
    from subjects
    inner join audiences
        on audiences.reaches_everyone
        or (audiences.reaches_customers and subjects.is_customer)
    left join met
        on audiences.audience = met.audience
        and subjects.subject_id = met.subject_id
    where met.subject_id is null

),

possible as (

    select *
    from met

    union all

    select
        audience,
        subject_id,
        person_id,
        {%- for number in audience_did_numbers() %}
        false as met_{{ number }},
        {%- endfor %}
        0 as matched_activities,
        cast(null as timestamp) as last_matched_at
    from others

),

final as (

    select
        possible.audience,
        possible.subject_id,
        possible.person_id,
        possible.matched_activities,
        possible.last_matched_at,
        audiences.rule_version
    from possible
    inner join audiences on possible.audience = audiences.audience
    left join customers on possible.person_id = customers.person_id  -- noqa: ST11
    where
        case possible.audience
            {%- for name, spec in specs.items() %}
            when {{ text_literal(name) }} then {{ audience_boolean(spec.rule, 'possible', 'customers')[0] }}
            {%- else %}
            when 'none' then false
            {%- endfor %}
            else false
        end

)

select * from final
