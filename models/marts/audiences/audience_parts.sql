{{ config(materialized='view', schema='explain') }}
{%- if not execute %}{{ ref('audience_candidates') }}{{ ref('contactability') }}{% endif -%}
{%- set specs = audience_specs() -%}
{%- set levels = audience_levels(specs) -%}

with evidence as (

    select audience, part_number, subject_id, person_id, counted_activities, last_at, holds
    from {{ ref('audience_evidence') }}
    {%- if levels | length > 1 %}

    union all

    {{ evidence_of_audiences(specs.keys() | list, ref('audience_candidates')) }}
    {%- endif %}

),

customers as (

    select {{ (['person_id'] + audience_attributes()) | join(', ') }}
    from {{ customers_with_profiles() }}

),

parts as (

    {{ audience_part_rows() }}

),

met as (

    {{ audience_met('evidence') }}

),

final as (

    select
        parts.audience,
        parts.part_number,
        parts.depth,
        parts.kind,
        parts.condition,
        customers.person_id,
        case parts.audience
            {%- for name, spec in specs.items() %}
            when {{ text_literal(name) }} then
                case parts.part_number
                    {%- for part in audience_parts_of(spec.rule) %}
                    when {{ loop.index }}
                        then {{ audience_boolean(
                            part, 'met', 'customers', loop.index, 'customers.person_id'
                        )[0] }}
                    {%- endfor %}
                end
            {%- else %}
            when 'none' then false
            {%- endfor %}
        end as holds
    from customers
    cross join parts
    left join met  -- noqa: ST11
        on parts.audience = met.audience
        and customers.person_id = met.subject_id

)

select * from final
