{%- set counts = [
    'messages', 'persons', 'reached', 'opened', 'clicked', 'mature',
    'mature_converted', 'conversions', 'verified_conversions',
] -%}

-- from the audience as it was planned to the messages after it, what became of them,
-- and the audience of the next plan
with plans as (

    select
        plan_id, sync, destination, audience, channel, rule_version,
        as_of, size, allowed, accepted, removed
    from {{ ref('audience_history') }}

),

ordered as (

    select
        *,
        lead(plan_id) over by_plan as next_plan_id,
        lead(as_of) over by_plan as next_as_of,
        lead(size) over by_plan as next_size,
        lag(rule_version) over by_plan as rule_version_before,
        row_number() over by_plan as place
    from plans
    window by_plan as (partition by sync, audience, channel order by as_of, plan_id)

),

messages as (

    select
        audience,
        channel,
        message_key,
        person_id,
        started_at,
        reached_at,
        opened_at,
        clicked_at,
        window_ends_at,
        conversions,
        last_conversions,
        last_verified,
        last_verified_value
    from {{ ref('messages') }}
    where audience is not null and started_at is not null

),

-- a message belongs to the last plan of its audience and channel before it;
-- what came before the first plan has none
followed as (

    select
        messages.*,
        ordered.plan_id,
        ordered.sync
    from messages
    left join ordered
        on messages.audience = ordered.audience
        and messages.channel = ordered.channel
        and messages.started_at >= ordered.as_of
        and messages.started_at < coalesce(ordered.next_as_of, {{ far_future() }})

),

results as (

    select
        audience,
        channel,
        plan_id,
        sync,
        count(*) as messages,
        count(distinct person_id) as persons,
        count(reached_at) as reached,
        count(case when reached_at is not null then opened_at end) as opened,
        count(case when reached_at is not null then clicked_at end) as clicked,
        count(case when person_id is not null and window_ends_at <= {{ as_of() }} then 1 end)
            as mature,
        count(case
            when person_id is not null and window_ends_at <= {{ as_of() }} and conversions > 0
                then 1
        end) as mature_converted,
        cast(sum(last_conversions) as int64) as conversions,
        cast(sum(last_verified) as int64) as verified_conversions,
        round(sum(last_verified_value), 4) as verified_value
    from followed
    group by audience, channel, plan_id, sync

),

final as (

    select
        {{ surrogate_key([
            'coalesce(ordered.audience, results.audience)',
            'coalesce(ordered.channel, results.channel)',
            'coalesce(ordered.sync, results.sync)', 'ordered.plan_id',
        ]) }} as loop_key,
        coalesce(ordered.audience, results.audience) as audience,
        coalesce(ordered.channel, results.channel) as channel,
        ordered.sync,
        ordered.destination,
        ordered.plan_id,
        ordered.place,
        ordered.rule_version,
        ordered.rule_version <> ordered.rule_version_before as is_rule_changed,
        ordered.as_of,
        ordered.size,
        ordered.allowed,
        ordered.accepted,
        ordered.removed,
        {% for name in counts -%}
        coalesce(results.{{ name }}, 0) as {{ name }},
        {% endfor -%}
        coalesce(results.verified_value, 0) as verified_value,
        {{ reporting_currency() }} as currency,
        {{ rate_columns('conversion_rate', 'results.mature_converted', 'results.mature') }},
        ordered.next_plan_id,
        ordered.next_as_of,
        ordered.next_size,
        ordered.next_size - ordered.size as size_change
    from ordered
    full outer join results
        on ordered.audience = results.audience
        and ordered.channel = results.channel
        and ordered.sync = results.sync
        and ordered.plan_id = results.plan_id

)

select * from final
