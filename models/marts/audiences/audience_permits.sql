with candidates as (

    select audience, person_id
    from {{ ref('audience_candidates') }}
    where person_id is not null

),

contactability as (

    select person_id, channel, purpose, reason, is_night_allowed, address_value_key, is_main_address
    from {{ ref('contactability') }}

),

audience_channels as (

    {{ audience_consent_rows(audience_specs()) }}

),

-- of an audience that wants a source to be fresh which is late, nothing changes
late as (

    select audience, late_source
    from {{ ref('audience_freshness') }}
    where not is_fresh

),

-- who is held out of an audience, or of all
held_out as (

    {{ held_out_rows(holdout_audience_rows()) }}

),

capped as (

    select person_id, channel
    from {{ ref('capped_people') }}

),

final as (

    select
        candidates.audience,
        candidates.person_id,
        audience_channels.channel,
        audience_channels.purpose,
        audience_channels.is_first_purpose,
        {{ permit_reason('contactability.reason', 'held_out.person_id', 'capped.person_id') }}
            as held_back_reason,
        coalesce(contactability.is_night_allowed, false) as is_night_allowed,
        contactability.address_value_key,
        contactability.is_main_address,
        late.late_source
    from candidates
    inner join audience_channels on candidates.audience = audience_channels.audience
    left join late on candidates.audience = late.audience
    left join held_out
        on candidates.audience = held_out.audience
        and candidates.person_id = held_out.person_id
    -- messages are marketing; to be found on a platform of advertising is no message
    left join capped
        on candidates.person_id = capped.person_id
        and audience_channels.channel = capped.channel
        and audience_channels.purpose = 'marketing'
    left join contactability
        on candidates.person_id = contactability.person_id
        and audience_channels.channel = contactability.channel
        and audience_channels.purpose = contactability.purpose

)

select * from final
