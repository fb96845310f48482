{{ config(meta={'parts': 'funnel_numbers'}) }}
{%- set longest = funnel_longest() -%}

with funnels as (

    {{ funnel_rows() }}

),

step_names as (

    {{ funnel_step_rows() }}

),

matched as (

    {{ activities_that_meet(
        ref('activities'),
        funnel_conditions(),
        ['subject_id', 'activity_order', 'occurred_at'],
        funnel_facts()
    ) }}

),

-- narrow, because it is sorted; of ten million subjects two share a hash once in 370,000 builds
step_activities as (

    select
        funnel_number,
        {{ fleeting_hash('subject_id') }} as subject_hash,
        activity_order,
        {{ micros_of('occurred_at') }} as moment,
        step_number,
        window_micros
    from matched
    where {{ in_part('funnel_number') }}

),

furthest as (

    {{ furthest_entries('step_activities', longest) }}

),

first_steps as (

    {{ activities_that_meet(
        ref('activities'),
        funnel_conditions(first_steps=true),
        ['subject_id', 'person_id', 'occurred_at', 'channel_group'],
        funnel_facts()
    ) }}

),

-- what is known of the activity that entered
entered as (

    select
        furthest.funnel_number,
        furthest.subject_hash,
        first_steps.subject_id,
        count(first_steps.person_id) > 0 as is_person,
        coalesce(min(first_steps.channel_group), '(none)') as channel_group
    from furthest
    inner join first_steps
        on furthest.funnel_number = first_steps.funnel_number
        and furthest.subject_hash = {{ fleeting_hash('first_steps.subject_id') }}
        and furthest.moment_1 = {{ micros_of('first_steps.occurred_at') }}
    group by furthest.funnel_number, furthest.subject_hash, first_steps.subject_id

),

entries as (

    select
        furthest.*,
        funnels.funnel,
        {{ surrogate_key(['funnels.funnel', 'entered.subject_id']) }} as entry_key,
        entered.subject_id,
        case when entered.is_person then entered.subject_id end as person_id,
        entered.channel_group
    from furthest
    inner join entered
        on furthest.funnel_number = entered.funnel_number
        and furthest.subject_hash = entered.subject_hash
    inner join funnels on furthest.funnel_number = funnels.funnel_number

),

plain as (

    select
        entries.entry_key,
        entries.funnel,
        step_names.step_number,
        step_names.step,
        entries.subject_id,
        entries.person_id,
        entries.channel_group,
        {{ timestamp_from_micros('entries.moment_1') }} as entered_at,
        {{ timestamp_from_micros(funnel_moment('step_names.step_number', longest)) }} as reached_at,
        ({{ funnel_moment('step_names.step_number', longest) }} - entries.moment_1) / 1e6
            as seconds_from_entry,
        (
            {{ funnel_moment('step_names.step_number', longest) }}
            - {{ funnel_moment('step_names.step_number - 1', longest) }}
        ) / 1e6 as seconds_from_previous,
        step_names.step_number = entries.step_reached as is_last_step,
        cast(null as string) as held,
        entries.channel_group as breakdown,
        cast(null as timestamp) as closes_at
    from entries
    inner join step_names
        on entries.funnel_number = step_names.funnel_number
        and entries.step_reached >= step_names.step_number

),

final as (

    select * from plain
    {%- for name, spec in funnel_specs().items() if not funnel_is_plain(spec) %}
    union all
    select * from (
        {{ funnel_paths(
            ref('activities'), (funnel_specs().keys() | list).index(name) + 1, name, spec
        ) }}
    ) as path_of_{{ name }}
    {%- endfor %}

)

select * from final
