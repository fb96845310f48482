-- a message of a campaign, or an entry into a Canvas, for each trigger that is ready: once, by
-- the channel that permits it
with triggers as (

    {{ sync_scenario_triggers() }}

),

braze_keys as (

    {{ sync_braze_keys() }}

),

wanted as (

    select
        triggers.person_id,
        triggers.scenario,
        triggers.channel,
        triggers.purpose,
        triggers.message_place,
        triggers.trigger_key as sync_key,
        triggers.channel as field,
        {{ json_object({
            'user': 'braze_keys.sync_key',
            'campaign_id': 'triggers.campaign_id',
            'canvas_id': 'triggers.canvas_id',
            'scenario': 'triggers.scenario',
            'send_micros': 'cast(null as string)',
        }) }} as value,
        coalesce(triggers.trigger_reason, {{ sync_held_back(
            'triggers',
            'braze_keys.sync_key',
            'no_braze_key',
            known_address='triggers.is_main_address',
            is_message=true,
        ) }}) as held_back_reason
    from triggers
    left join braze_keys on triggers.person_id = braze_keys.person_id

),

final as (

    {{ sync_within_caps('wanted', started_by='scenario') }}

)

select * from final
