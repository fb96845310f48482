-- users of Braze as their events show them:
-- the company's id of each, into whom it was merged, and when it was deleted
with events as (

    select braze_user_id, external_user_id, email, phone, event_type, orphaned_by_id, event_at
    from {{ ref('base_braze__events') }}
    where braze_user_id is not null and not is_test

),

users as (

    select
        braze_user_id,
        {{ last_by('external_user_id', 'event_at') }} as external_user_id,
        {{ last_by('email', 'event_at') }} as email,
        {{ last_by('phone', 'event_at') }} as phone,
        min(case when event_type = 'users.UserOrphan' then event_at end) as orphaned_at,
        max(case when event_type = 'users.UserOrphan' then orphaned_by_id end) as merged_into,
        min(case when event_type = 'users.UserDeleteRequest' then event_at end) as deleted_at,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at
    from events
    group by braze_user_id

),

-- a user who was merged into one who was merged: three in a row are followed
resolved as (

    select
        users.*,
        coalesce(third.merged_into, second.merged_into, users.merged_into, users.braze_user_id)
            as current_user_id
    from users
    left join users as second on users.merged_into = second.braze_user_id
    left join users as third on second.merged_into = third.braze_user_id

),

final as (

    select
        resolved.braze_user_id,
        resolved.current_user_id,
        coalesce(survivors.external_user_id, resolved.external_user_id) as external_user_id,
        case
            when coalesce(survivors.deleted_at, resolved.deleted_at) is null then resolved.email
        end as email,
        case
            when coalesce(survivors.deleted_at, resolved.deleted_at) is null then resolved.phone
        end as phone,
        resolved.orphaned_at,
        coalesce(survivors.deleted_at, resolved.deleted_at) as deleted_at,
        resolved.first_seen_at,
        resolved.last_seen_at,
        resolved.orphaned_at is not null as is_orphan,
        coalesce(survivors.deleted_at, resolved.deleted_at) is not null as is_deleted
    from resolved
    left join users as survivors on resolved.current_user_id = survivors.braze_user_id

)

select * from final
