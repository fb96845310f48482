-- what was sent to whom, as the sending tool says it;
-- a message to an address or a test user is nobody's
with messages as (

    select
        event_id, braze_user_id, channel, campaign_id, canvas_id, campaign_name, event_at
    from {{ ref('stg_braze__messages') }}
    where outcome = 'sent' and not is_test and event_at is not null

),

persons as (

    select record_id, person_id
    from {{ ref('record_persons') }}
    where source = 'braze' and person_id is not null

),

final as (

    select
        messages.event_id as message_id,
        persons.person_id,
        messages.channel,
        messages.campaign_id,
        messages.canvas_id,
        messages.campaign_name,
        messages.event_at as sent_at
    from messages
    inner join persons on messages.braze_user_id = persons.record_id

)

select * from final
