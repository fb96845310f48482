-- entries that stopped: where, why as far as is known, and whether the person can be reached
with steps as (

    select entry_key, step_number, step, reached_at
    from {{ ref('funnel_steps') }}
    where is_last_step

),

ends as (

    select *
    from {{ ref('application_ends') }}

),

-- lost by its window, or its application has ended before the window has
stopped as (

    select
        entries.entry_key,
        entries.funnel,
        entries.subject_id,
        entries.person_id,
        entries.entered_at,
        entries.window_ends_at,
        entries.state,
        entries.channel_group,
        steps.step_number,
        steps.step,
        steps.reached_at,
        applications.application_key,
        latest.application_id,
        latest.product,
        latest.status as application_status,
        case
            when ends.reason is not null then ends.reason
            when latest.meaning = 'won' and latest.last_at <= entries.window_ends_at
                then 'step_missing'
            when latest.meaning = 'won' then 'done_after_the_window'
            when latest.status is not null then 'still_waiting'
            else 'not_known'
        end as outcome_reason,
        ends.detail as end_detail,
        ends.ended_at,
        coalesce(ends.has_unlisted_reason, false) as has_unlisted_reason
    from {{ ref('funnel_entries') }} as entries
    inner join steps on entries.entry_key = steps.entry_key
    left join {{ ref('funnel_applications') }} as applications
        on entries.entry_key = applications.entry_key
    left join {{ ref('outcome_latest') }} as latest
        on applications.application_key = latest.application_key
    left join ends on applications.application_key = ends.application_key
    where entries.state = 'lost' or (entries.state = 'open' and ends.application_key is not null)

),

-- the person's last inquiry from the entry until it ended,
-- one after the last step before one that came earlier
inquiries as (

    select
        stopped.entry_key,
        asked.occurred_at as inquired_at,
        coalesce(asked.object_name, '(none)') as inquiry_group,
        asked.occurred_at >= stopped.reached_at as is_after,
        row_number() over (
            partition by stopped.entry_key order by asked.occurred_at desc, asked.activity_id
        ) as place
    from stopped
    inner join {{ ref('activities') }} as asked
        on stopped.person_id = asked.person_id
        and asked.action = 'inquired'
        and asked.occurred_at between stopped.entered_at
        and coalesce(stopped.ended_at, stopped.window_ends_at)

),

-- the last session that began before it stopped
visits as (

    select
        stopped.entry_key,
        sessions.channel_group,
        sessions.campaign,
        row_number() over (
            partition by stopped.entry_key order by sessions.started_at desc, sessions.session_key
        ) as place
    from stopped
    inner join {{ ref('sessions') }} as sessions
        on stopped.subject_id = coalesce(sessions.person_id, sessions.device_id)
        and stopped.reached_at >= sessions.started_at

),

reachable as (

    select *
    from {{ ref('person_reach') }}

),

final as (

    select
        stopped.entry_key,
        stopped.funnel,
        stopped.subject_id,
        stopped.person_id,
        stopped.entered_at,
        stopped.state,
        stopped.step_number,
        stopped.step,
        stopped.reached_at as stopped_at,
        {{ local_date('stopped.reached_at') }} as stopped_date,
        {{ days_between(local_date('stopped.reached_at'), as_of_day()) }} as days_since,
        stopped.application_key,
        stopped.application_id,
        stopped.product,
        stopped.application_status,
        stopped.ended_at,
        case
            when inquiries.entry_key is null
                or stopped.outcome_reason not in ('still_waiting', 'not_known')
                then stopped.outcome_reason
            when inquiries.is_after then 'inquiry_after'
            else 'inquiry_before'
        end as reason,
        stopped.outcome_reason,
        stopped.end_detail as reason_detail,
        stopped.has_unlisted_reason,
        inquiries.inquiry_group,
        inquiries.inquired_at,
        stopped.channel_group as entry_channel_group,
        coalesce(visits.channel_group, stopped.channel_group) as last_channel_group,
        visits.campaign as last_campaign,
        coalesce(reachable.is_reachable, false) as is_reachable,
        reachable.reachable_channels,
        case
            when stopped.person_id is null then 'anonymous'
            when reachable.person_id is null then 'no_consent'
            else reachable.not_reachable_reason
        end as not_reachable_reason
    from stopped
    left join inquiries on stopped.entry_key = inquiries.entry_key and inquiries.place = 1
    left join visits on stopped.entry_key = visits.entry_key and visits.place = 1
    left join reachable on stopped.person_id = reachable.person_id

)

select * from final
