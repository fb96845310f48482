-- known and unknown are together what the day and channel have
select
    coalesce(coverage.activity_date, days.activity_date) as activity_date,
    coalesce(coverage.channel_group, days.channel_group) as channel_group,
    coverage.known_sessions,
    coverage.unknown_sessions,
    days.visitor_sessions,
    coverage.known_order_amount,
    coverage.unknown_order_amount,
    days.net_order_amount
from {{ ref('identity_coverage') }} as coverage
full outer join {{ ref('channel_days') }} as days
    on coverage.activity_date = days.activity_date
    and coverage.channel_group = days.channel_group
where
    coalesce(coverage.known_sessions + coverage.unknown_sessions, 0)
    <> coalesce(days.visitor_sessions, 0)
    or abs(
        coalesce(coverage.known_order_amount + coverage.unknown_order_amount, 0)
        - coalesce(days.net_order_amount, 0)
    ) > 0.001
