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

    {% for name, spec in specs.items() -%}
    {%- set last_audience = loop.last -%}
    {% for channel in spec.consent.channels -%}
    select '{{ name }}' as audience, '{{ channel }}' as channel, '{{ spec.consent.purpose }}' as purpose
    {{ 'union all' if not (last_audience and loop.last) }}
    {% endfor -%}
    {% else -%}
    select '' as audience, '' as channel, '' as purpose
    {% endfor %}

),

final as (

    select
        candidates.audience,
        candidates.person_id,
        audience_channels.channel,
        audience_channels.purpose,
        nullif(coalesce(contactability.reason, 'no_consent'), 'allowed') as held_back_reason,
        coalesce(contactability.is_night_allowed, false) as is_night_allowed,
        contactability.address_value_key,
        contactability.is_main_address
    from candidates
    inner join audience_channels on candidates.audience = audience_channels.audience
    left join contactability
        on candidates.person_id = contactability.person_id
        and audience_channels.channel = contactability.channel
        and audience_channels.purpose = contactability.purpose

)

select * from final
