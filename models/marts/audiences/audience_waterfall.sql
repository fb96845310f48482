{%- set labels = [] -%}
{%- for name, spec in audience_specs().items() -%}
    {%- do labels.append([
        text_literal(name),
        text_literal(spec.get('label', name)),
        text_literal(audience_rule_version(spec)),
    ]) -%}
{%- endfor -%}

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

audiences as (

    {{ rows_of({'audience': 'string', 'label': 'string', 'rule_version': 'string'}, labels) }}

),

reasons as (

    select reason, step
    from {{ list_of('contact_reasons') }}

),

all_steps as (

    select 1 as step_number, 'candidates' as step, cast(null as string) as reason
    union all
    select 2 as step_number, 'lost' as step, 'anonymous' as reason
    union all
    select 3 as step_number, 'members' as step, null as reason
    union all
    select 3 + step as step_number, 'lost' as step, reason from reasons
    union all
    select 4 + count(*) as step_number, 'contactable' as step, null as reason from reasons

),

-- every audience has every step, also where nobody is left
steps as (

    select
        audiences.audience,
        audiences.label,
        audiences.rule_version,
        all_steps.step_number,
        all_steps.step,
        all_steps.reason
    from audiences
    cross join all_steps

),

final as (

    select
        steps.audience,
        steps.label,
        steps.rule_version,
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
        and case steps.step when 'contactable' then 'allowed' else steps.reason end
            = members.contact_reason

)

select * from final
