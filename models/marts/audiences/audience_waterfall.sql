{%- set specs = audience_specs() -%}
{%- set steps = [
    (1, 'candidates', none), (2, 'lost', 'anonymous'), (3, 'members', none), (4, 'lost', 'no_consent'),
    (5, 'lost', 'withdrawn'), (6, 'lost', 'no_address'), (7, 'contactable', none),
] -%}

with candidates as (

    select audience, count(*) as subjects, count(person_id) as named
    from {{ ref('audience_candidates') }}
    group by audience

),

members as (

    select audience, contact_reason, count(*) as subjects
    from {{ ref('audience_members') }}
    group by audience, contact_reason

),

-- every audience has every step, also where nobody is left
steps as (

    {% for name, spec in specs.items() -%}
    {%- set last_audience = loop.last -%}
    {% for number, step, reason in steps -%}
    select
        '{{ name }}' as audience,
        {{ text_literal(spec.get('label', name)) }} as label,
        {{ number }} as step_number,
        '{{ step }}' as step,
        {{ text_literal(reason) if reason else 'cast(null as string)' }} as reason
    {{ 'union all' if not (last_audience and loop.last) }}
    {% endfor -%}
    {% else -%}
    select '' as audience, '' as label, 0 as step_number, '' as step, '' as reason limit 0
    {% endfor %}

),

final as (

    select
        steps.audience,
        steps.label,
        steps.step_number,
        steps.step,
        steps.reason,
        coalesce(
            case
                when steps.step = 'candidates' then candidates.subjects
                when steps.reason = 'anonymous' then candidates.subjects - candidates.named
                when steps.step = 'members' then candidates.named
                else members.subjects
            end,
            0
        ) as subjects
    from steps
    left join candidates on steps.audience = candidates.audience
    left join members
        on steps.audience = members.audience
        and case steps.step when 'contactable' then 'allowed' else steps.reason end = members.contact_reason

)

select * from final
