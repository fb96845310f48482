-- each conversion as it stands: what it was online, and what has become of it
with online as (

    select *
    from {{ ref('online_conversions') }}

),

changes as (

    select *
    from {{ ref('conversion_changes') }}

),

stands as (

    select
        conversion_key,
        {{ last_by('state', 'change_number') }} as verified_state,
        min(case when state = 'verified' then changed_at end) as first_verified_at,
        max(case when state = 'reversed' and verified_change < 0 then changed_at end)
            as last_reversed_at,
        min(case when state = 'lost' then changed_at end) as first_lost_at,
        min(case when effect = 'too_late' then changed_at end) as verified_too_late_at,
        {{ last_by('verified_value', 'change_number') }} as value_now,
        round(sum(case when verified_value_change < 0 then -verified_value_change else 0 end), 4)
            as value_taken_back
    from changes
    group by conversion_key

),

final as (

    select
        online.conversion_key,
        online.conversion_type,
        online.person_id,
        online.device_id,
        online.subject_id,
        online.session_key,
        online.converted_at,
        online.conversion_date,
        online.object_type,
        online.object_id,
        online.object_name,
        online.channel_group,
        online.campaign,
        online.online_value,
        {{ reporting_currency() }} as currency,
        stands.verified_state,
        stands.first_verified_at as verified_at,
        case when stands.first_verified_at is not null then stands.value_now end as verified_value,
        case when stands.verified_state = 'reversed' then stands.last_reversed_at end
            as reversed_at,
        case when stands.first_verified_at is not null then stands.value_taken_back end
            as reversed_value,
        case when stands.verified_state = 'lost' then stands.first_lost_at end as lost_at,
        online.verify_by,
        stands.verified_too_late_at,
        online.is_new_customer
    from online
    inner join stands on online.conversion_key = stands.conversion_key

)

select * from final
