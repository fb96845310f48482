{%- set of_states = ['funnel_entries', 'funnel_steps', 'person_stages', 'customers', 'scores'] -%}
{%- for name in ([] if execute else ['actions'] + of_states) %}
{% do ref(name) %}
{% endfor -%}
{%- set dids = audience_dids() -%}
{%- set columns = audience_evidence_columns(dids) -%}
{%- set narrowing = audience_narrowing('matched', dids) -%}
{%- set sequences = audience_sequences(dids) -%}
{%- set states = audience_states() -%}
{%- set scopes = audience_scopes() -%}

with matched as (

    {{ activities_that_meet(
        ref('activities'), audience_activity_conditions(dids),
        columns, audience_activity_facts(dids)
    ) }}

),

{% if narrowing -%}
narrowed as (

    select *
    from matched
    where
        {{ narrowing }}

),

{% endif -%}
{% if scopes -%}
scoped as (

    {{ scoped_activities('narrowed' if narrowing else 'matched', dids) }}

),

{% endif -%}
{%- set narrow = 'scoped' if scopes else 'narrowed' if narrowing else 'matched' -%}
{% if sequences -%}
followed as (

    {{ sequences_followed(narrow, dids) }}

),

{% endif -%}
{%- set counted = 'followed' if sequences else narrow -%}
totals as (

    select
        did_number,
        subject_id,
        {%- if scopes %}
        scope_key,
        {%- endif %}
        min(person_id) as person_id,
        count(case when not is_end then 1 end) as activities,
        count(case when not is_end and {{ is_counted_first(counted, dids) }} then 1 end)
            as counted_activities,
        min(case when not is_end then occurred_at end) as first_at,
        max(case when not is_end then occurred_at end) as last_at,
        max(case when is_end then occurred_at end) as ended_at
        {%- if 'least_total' in audience_limits(dids) %},
        round(sum(case when not is_end then value end), 4) as total
        {%- endif %}
    from {{ counted }}
    group by did_number, subject_id{{ ', scope_key' if scopes }}

),

conditions as (

    {{ audience_condition_rows(dids) }}

),

{{ 'counted' if scopes else 'final' }} as (

    select
        conditions.audience,
        conditions.part_number,
        conditions.action,
        totals.subject_id,
        totals.person_id,
        {%- if scopes %}
        totals.scope_key,
        {%- endif %}
        totals.activities,
        totals.counted_activities,
        totals.first_at,
        totals.last_at,
        totals.ended_at,
        case
            when conditions.waits_until is null then {{ counted_enough(dids) }}
            else
                totals.last_at <= conditions.waits_until
                and (totals.ended_at is null or totals.ended_at < totals.last_at)
        end as holds
    from totals
    inner join conditions on totals.did_number = conditions.did_number
    where totals.activities > 0
    {%- if scopes %}

),

scope_parts as (

    {{ scope_part_rows(scopes) }}

),

-- which parts each session or event meets
met_in_scope as (

    {{ scope_parts_met('counted', 'scope_parts', scopes) }}

),

final as (

    select
        audience,
        part_number,
        action,
        subject_id,
        person_id,
        activities,
        counted_activities,
        first_at,
        last_at,
        ended_at,
        holds
    from counted
    where scope_key = ''

    union all

    {{ evidence_of_scopes('met_in_scope', 'counted') }}
    {%- endif %}
    {%- if states %}

    union all

    {{ evidence_of_states(states) }}
    {%- endif %}

)

select * from final
