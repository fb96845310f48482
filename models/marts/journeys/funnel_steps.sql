{{ config(meta={'parts': 'funnel_numbers'}) }}
{%- set longest = funnel_longest() -%}

with activities as (

    select
        subject_id,
        person_id,
        activity_order,
        occurred_at,
        action,
        object_type,
        object_id,
        object_name,
        source,
        campaign,
        channel_group
    from {{ ref('activities') }}
    where subject_id is not null

),

step_names as (

    {{ funnel_step_rows() }}

),

matched as (

    {{ activities_that_meet(
        'activities', funnel_conditions(), ['subject_id', 'activity_order', 'occurred_at'], funnel_facts()
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
        'activities',
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
        min(first_steps.person_id) as person_id,
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
        entered.subject_id,
        entered.person_id,
        entered.channel_group
    from furthest
    inner join entered
        on furthest.funnel_number = entered.funnel_number
        and furthest.subject_hash = entered.subject_hash

),

unpivoted as (

    select
        step_names.funnel,
        step_names.step_number,
        step_names.step,
        entries.subject_id,
        entries.person_id,
        entries.channel_group,
        entries.step_reached,
        entries.moment_1 as entered_moment,
        case step_names.step_number
            {%- for j in range(1, longest + 1) %}
            when {{ j }} then entries.moment_{{ j }}
            {%- endfor %}
        end as reached_moment,
        case step_names.step_number
            {%- for j in range(2, longest + 1) %}
            when {{ j }} then entries.moment_{{ j - 1 }}
            {%- endfor %}
            when 1 then cast(null as int64)
        end as previous_moment
    from entries
    inner join step_names
        on entries.funnel_number = step_names.funnel_number
        and entries.step_reached >= step_names.step_number

),

with_key as (

    select
        *,
        {{ surrogate_key(['funnel', 'subject_id']) }} as entry_key
    from unpivoted

),

final as (

    select
        {{ surrogate_key(['entry_key', 'step_number']) }} as entry_step_key,
        entry_key,
        funnel,
        step_number,
        step,
        subject_id,
        person_id,
        channel_group,
        {{ timestamp_from_micros('entered_moment') }} as entered_at,
        {{ timestamp_from_micros('reached_moment') }} as reached_at,
        (reached_moment - entered_moment) / 1e6 as seconds_from_entry,
        (reached_moment - previous_moment) / 1e6 as seconds_from_previous,
        step_number = step_reached as is_last_step
    from with_key

)

select * from final
