-- what was shown to how many people, version by version
with versions as (

    select *
    from {{ ref('stg_notices__versions') }}

),

-- a message shows the notice of its campaign that held when it was sent
shown as (

    select versions.version_key, messages.person_id, messages.sent_at as shown_at
    from versions
    inner join {{ ref('person_messages') }} as messages
        on versions.campaign_name = messages.campaign_name
        and versions.effective_from <= messages.sent_at
        and (versions.effective_to is null or versions.effective_to > messages.sent_at)

    union all

    -- who registers is shown the notice of collection that holds
    select versions.version_key, numbers.person_id, numbers.registered_at as shown_at
    from versions
    inner join {{ ref('customer_numbers') }} as numbers
        on versions.effective_from <= numbers.registered_at
        and (versions.effective_to is null or versions.effective_to > numbers.registered_at)
    where versions.kind = 'collection'

),

counted as (

    select
        version_key,
        count(distinct person_id) as people_shown,
        min(shown_at) as first_shown_at,
        max(shown_at) as last_shown_at
    from shown
    group by version_key

),

final as (

    select
        versions.version_key,
        versions.notice_id,
        versions.version_number,
        versions.own_version,
        versions.kind,
        versions.channel,
        versions.campaign_name,
        versions.title,
        versions.collected_fields,
        versions.text_sha256,
        versions.has_advertisement_mark,
        versions.effective_from,
        versions.effective_to,
        coalesce(counted.people_shown, 0) as people_shown,
        counted.first_shown_at,
        counted.last_shown_at
    from versions
    left join counted on versions.version_key = counted.version_key

)

select * from final
