-- whatever stream they come from: a funnel and a journey go by activity_order
select activity_id, source, occurred_at, activity_order
from {{ ref('activities') }}
where
    activity_order < {{ order_of_micros(micros_of('occurred_at')) }}
    or activity_order >= {{ order_of_micros(micros_of('occurred_at') ~ ' + 1') }}
