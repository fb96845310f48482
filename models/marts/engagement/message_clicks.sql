-- which message each click of a person was in, by the click's activity:
-- touches and credits know the activity
with clicks as (

    select
        messages.event_id,
        coalesce(messages.dispatch_id, placed.message_ref) as message_ref,
        messages.current_user_id,
        messages.channel,
        messages.event_at as clicked_at
    from {{ ref('stg_braze__messages') }} as messages
    left join {{ ref('braze_placed_events') }} as placed on messages.event_id = placed.event_id
    where messages.outcome = 'clicked' and messages.is_engagement and not messages.is_deleted

),

final as (

    select
        {{ surrogate_key(["'braze'", 'event_id']) }} as activity_id,
        {{ braze_message_key('clicks') }} as message_key,
        clicked_at
    from clicks

)

select * from final
