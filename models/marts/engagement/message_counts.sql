-- how many messages of a channel a person had had in the days before, at every moment
with windows as (

    select 7 as window_days
    union all
    select 30 as window_days

),

messages as (

    select person_id, channel, sent_at
    from {{ ref('person_messages') }}
    where sent_at < {{ today_began() }}

),

-- a message counts from when it was sent until the window is over
steps as (

    select person_id, channel, window_days, step_at, cast(sum(change) as int64) as change
    from (
        select
            messages.person_id, messages.channel, windows.window_days,
            messages.sent_at as step_at, 1 as change
        from messages
        cross join windows
        union all
        select
            messages.person_id,
            messages.channel,
            windows.window_days,
            {{ timestamp_plus('messages.sent_at', 'windows.window_days', 'day') }} as step_at,
            0 - 1 as change
        from messages
        cross join windows
    ) as changes
    group by person_id, channel, window_days, step_at

),

final as (

    select
        person_id,
        channel,
        window_days,
        step_at as counts_from,
        lead(step_at) over (partition by person_id, channel, window_days order by step_at)
            as counts_to,
        cast(sum(change) over (
            partition by person_id, channel, window_days order by step_at
        ) as int64) as messages
    from steps

)

select * from final
