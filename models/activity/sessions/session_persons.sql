with session_totals as (

    select session_key, device_id, started_at, first_user_id
    from {{ ref('session_totals') }}

),

device_owners as (

    select device_id, person_id, valid_from, valid_to
    from {{ ref('device_owners') }}

),

user_ids as (

    select identifier_value as user_id, person_id
    from {{ ref('person_identifiers') }}
    where identifier_type = 'user_id'

),

-- the device's owner when the session started, else who logged in during it
matched as (

    select
        session_totals.session_key,
        session_totals.device_id,
        session_totals.started_at,
        coalesce(device_owners.person_id, user_ids.person_id) as person_id
    from session_totals
    left join device_owners
        on session_totals.device_id = device_owners.device_id
        and session_totals.started_at >= device_owners.valid_from
        and session_totals.started_at < device_owners.valid_to
    left join user_ids on session_totals.first_user_id = user_ids.user_id

),

final as (

    select *
    from matched
    where person_id is not null

)

select * from final
