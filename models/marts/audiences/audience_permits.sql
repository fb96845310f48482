{%- set specs = audience_specs() -%}

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

    {% for permit in audience_consents(specs) -%}
    select
        '{{ permit.audience }}' as audience,
        '{{ permit.channel }}' as channel,
        '{{ permit.purpose }}' as purpose,
        {{ permit.is_first_purpose }} as is_first_purpose
    {{ 'union all' if not loop.last }}
    {% else -%}
    select '' as audience, '' as channel, '' as purpose, false as is_first_purpose
    {% endfor %}

),

-- of an audience that wants a source to be fresh which is late, nothing changes
late as (

    select audience, late_source
    from {{ ref('audience_freshness') }}
    where not is_fresh

),

final as (

    select
        candidates.audience,
        candidates.person_id,
        audience_channels.channel,
        audience_channels.purpose,
        audience_channels.is_first_purpose,
        nullif(coalesce(contactability.reason, 'no_consent'), 'allowed') as held_back_reason,
        coalesce(contactability.is_night_allowed, false) as is_night_allowed,
        contactability.address_value_key,
        contactability.is_main_address,
        late.late_source
    from candidates
    inner join audience_channels on candidates.audience = audience_channels.audience
    left join late on candidates.audience = late.audience
    left join contactability
        on candidates.person_id = contactability.person_id
        and audience_channels.channel = contactability.channel
        and audience_channels.purpose = contactability.purpose

)

select * from final
