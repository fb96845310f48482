with members as (

    select user_key, property_id, user_kind, audience, shard_date
    from {{ ref('base_ga4__users') }}
    cross join {{ ga4_rows('audiences', 'audience') }}

),

-- one that left and came back is in the list twice
final as (

    select
        user_key,
        property_id,
        user_kind,
        cast(audience.id as string) as audience_id,
        audience.name as audience_name,
        {{ timestamp_from_micros('audience.membership_start_timestamp_micros') }} as entered_at,
        {{ timestamp_from_micros('audience.membership_expiry_timestamp_micros') }} as expires_at,
        coalesce(audience.npa, true) as is_excluded_from_personalized_ads,
        shard_date
    from members
    where audience.id is not null
    qualify row_number() over (
        partition by user_key, audience.id
        order by
            audience.membership_start_timestamp_micros desc,
            audience.membership_expiry_timestamp_micros desc
    ) = 1

)

select * from final
