-- conversions, control groups and steps of campaigns and Canvases
with events as (

    select *
    from {{ ref('base_braze__events') }}

),

names as (

    select braze_name, name
    from {{ ref('braze_names') }}
    where kind = 'campaign'

),

users as (

    select braze_user_id, external_user_id, is_orphan, is_deleted
    from {{ ref('stg_braze__users') }}

),

final as (

    select
        events.event_id,
        events.braze_user_id,
        coalesce(users.external_user_id, events.external_user_id) as external_user_id,
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
        names.name = 'enrolled_in_control' or coalesce(events.is_in_control, false) as is_in_control,
        events.is_test,
        coalesce(users.is_orphan, false) as is_orphan,
        coalesce(users.is_deleted, false) as is_deleted,
        events.event_at,
        events.loaded_at
    from events
    inner join names on events.event_type = names.braze_name
    left join users on events.braze_user_id = users.braze_user_id

)

select * from final
