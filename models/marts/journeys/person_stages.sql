with stages as (

    {{ stage_rows() }}

),

moments as (

    {{ stage_moments(ref('activities'), ref('customers')) }}

),

with_next as (

    select
        moments.*,
        quiet.stage_number as quiet_stage,
        quiet.quiet_micros,
        lag(moments.moment) over (
            partition by moments.journey, moments.person_id
            order by moments.moment, moments.stage_number
        ) as last_moment,
        lead(moments.moment) over (
            partition by moments.journey, moments.person_id
            order by moments.moment, moments.stage_number
        ) as next_moment
    from moments
    left join stages as quiet
        on moments.journey = quiet.journey
        and quiet.quiet_micros is not null

),

-- after a quiet time what comes next sets the stage anew
with_quiet as (

    select
        person_id,
        journey,
        stage_number,
        moment,
        goes_back
        or coalesce(
            {{ micros_of('moment') }} - {{ micros_of('last_moment') }} > quiet_micros, false
        ) as sets_anew
    from with_next

    union all

    select
        person_id,
        journey,
        quiet_stage as stage_number,
        {{ timestamp_from_micros(micros_of('moment') ~ ' + quiet_micros') }} as moment,
        true as sets_anew
    from with_next
    where
        {{ micros_of('coalesce(next_moment, ' ~ as_of() ~ ')') }} - {{ micros_of('moment') }}
        > quiet_micros

),

-- between two moments that set the stage anew, people only come further
spans as (

    select
        *,
        sum(case when sets_anew then 1 else 0 end) over (
            partition by journey, person_id
            order by moment, stage_number, sets_anew
            rows between unbounded preceding and current row
        ) as span
    from with_quiet

),

reached as (

    select
        person_id,
        journey,
        moment,
        stage_number as met_stage,
        sets_anew,
        max(stage_number) over (
            partition by journey, person_id, span
            order by moment, stage_number, sets_anew
            rows between unbounded preceding and current row
        ) as stage_number
    from spans

),

with_previous as (

    select
        *,
        lag(stage_number) over (
            partition by journey, person_id order by moment, met_stage, sets_anew
        ) as previous_stage
    from reached

),

changes as (

    select
        person_id,
        journey,
        stage_number,
        previous_stage,
        moment as entered_at,
        lead(stage_number) over changed as next_stage,
        lead(moment) over changed as left_at,
        row_number() over changed as visit
    from with_previous
    where previous_stage is null or previous_stage <> stage_number
    window changed as (partition by journey, person_id order by moment, met_stage, sets_anew)

),

final as (

    select
        {{ surrogate_key(['changes.journey', 'changes.person_id', 'changes.visit']) }}
            as stage_entry_key,
        changes.journey,
        changes.person_id,
        changes.visit,
        changes.stage_number,
        stages.stage,
        changes.entered_at,
        came_from.stage as entered_from,
        {{ stage_way('came_from', 'stages') }} as entered_how,
        case
            when stages.quiet_micros is not null then 0
            else greatest(changes.stage_number - coalesce(changes.previous_stage, 0) - 1, 0)
        end as stages_skipped,
        changes.left_at,
        went_to.stage as left_to,
        case when changes.next_stage is not null then {{ stage_way('stages', 'went_to') }} end
            as left_how
    from changes
    inner join stages
        on changes.journey = stages.journey and changes.stage_number = stages.stage_number
    left join stages as came_from
        on changes.journey = came_from.journey and changes.previous_stage = came_from.stage_number
    left join stages as went_to
        on changes.journey = went_to.journey and changes.next_stage = went_to.stage_number

)

select * from final
