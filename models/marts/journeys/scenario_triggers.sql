with scenarios as (

    {{ scenario_rows() }}

),

matched as (

    {{ activities_that_meet(
        ref('activities'),
        scenario_conditions(),
        ['activity_id', 'person_id', 'occurred_at'],
        {'scenario_number': 'int64', 'is_end': 'bool'}
    ) }}

),

-- an end at the very moment of a start ends it
with_end as (

    select
        scenario_number,
        activity_id as start_key,
        person_id,
        is_end,
        occurred_at as started_at,
        min(case when is_end then occurred_at end) over looking_ahead as ended_at,
        min(case when not is_end then occurred_at end) over looking_ahead as next_start_at
    from matched
    where person_id is not null
    window looking_ahead as (
        partition by scenario_number, person_id
        order by occurred_at, is_end, activity_id
        rows between 1 following and unbounded following
    )

),

starts as (

    select scenario_number, start_key, person_id, started_at, ended_at, next_start_at
    from with_end
    where not is_end

    union all

    select
        scenarios.scenario_number,
        stages.stage_entry_key as start_key,
        stages.person_id,
        stages.entered_at as started_at,
        stages.left_at as ended_at,
        cast(null as timestamp) as next_start_at
    from {{ ref('person_stages') }} as stages
    inner join scenarios
        on stages.journey = scenarios.journey
        and stages.stage = scenarios.stage

),

used as (

    select sync_key, min(recorded_at) as used_at
    from {{ ref('stg_sync__deliveries') }}
    where status in ('accepted', 'applied') and operation <> 'remove'
    group by sync_key

),

timed as (

    select
        scenarios.*,
        {{ surrogate_key(['scenarios.scenario', 'starts.start_key']) }} as trigger_key,
        starts.person_id,
        starts.started_at,
        starts.ended_at,
        starts.next_start_at,
        {{ timestamp_from_micros(micros_of('starts.started_at') ~ ' + scenarios.wait_micros') }}
            as triggered_at
    from starts
    inner join scenarios on starts.scenario_number = scenarios.scenario_number

),

outcomes as (

    select
        *,
        case
            when ended_at <= triggered_at then 'completed'
            when next_start_at < triggered_at then 'renewed'
            when triggered_at > {{ as_of() }} then 'waiting'
            else 'due'
        end as outcome
    from timed

),

with_last as (

    select
        *,
        max(case when outcome = 'due' then triggered_at end) over (
            partition by scenario_number, person_id
            order by triggered_at, trigger_key
            rows between unbounded preceding and 1 preceding
        ) as last_triggered_at
    from outcomes

),

final as (

    select
        with_last.trigger_key,
        with_last.scenario,
        with_last.person_id,
        with_last.stage,
        with_last.started_at,
        with_last.triggered_at,
        {{ timestamp_from_micros(micros_of('triggered_at') ~ ' + cooldown_micros') }}
            as cools_until,
        {{ timestamp_from_micros(micros_of('triggered_at') ~ ' + usable_micros') }} as usable_until,
        with_last.ended_at,
        used.used_at,
        case
            when used.used_at is not null then 'used'
            when with_last.outcome <> 'due' then with_last.outcome
            when {{ micros_of('triggered_at') }} - {{ micros_of('last_triggered_at') }}
                < cooldown_micros
                then 'cooled'
            when with_last.ended_at is not null then 'cancelled'
            when {{ timestamp_from_micros(micros_of('triggered_at') ~ ' + usable_micros') }}
                <= {{ as_of() }}
                then 'expired'
            else 'ready'
        end as state,
        coalesce(with_last.ended_at <= used.used_at, false) as is_false_positive
    from with_last
    left join used on with_last.trigger_key = used.sync_key

)

select * from final
