-- where a person's last no and last yes leave them
with states as (

    select *
    from {{ ref('consent_states') }}
    where valid_to is null

),

final as (

    select
        person_id,
        channel,
        purpose,
        effect,
        is_open,
        reason,
        signal_id,
        source,
        signal,
        is_night,
        policy_version,
        decided_at,
        confirmed_at
    from states

)

select * from final
