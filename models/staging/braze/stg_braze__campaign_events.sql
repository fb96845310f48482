-- conversions, control groups and steps of campaigns and Canvases
with events as (

    {{ braze_events() }}

),

names as (

    select braze_name, name
    from {{ list_of('braze_names') }}
    where kind = 'campaign'

),

final as (

    select
        events.event_id,
        events.braze_user_id,
        events.last_external_user_id as external_user_id,
        events.campaign_id,
        events.canvas_id,
        events.canvas_step_id,
        events.variation_id,
        events.event_type,
        names.name as outcome,
        events.campaign_name,
        events.canvas_step_name,
        events.variation_name,
        events.conversion_behavior,
        events.conversion_number,
        names.name = 'enrolled_in_control'
        or coalesce(events.is_in_control, false) as is_in_control,
        events.is_test,
        events.is_orphan,
        events.is_deleted,
        events.event_at,
        events.loaded_at
    from events
    inner join names on events.event_type = names.braze_name

)

select * from final
