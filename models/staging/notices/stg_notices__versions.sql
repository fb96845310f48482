-- the texts of each notice, and from when until when each held;
-- the text decides what is another version
with source as (

    select *
    from {{ source('notices', 'notices') }}
    where notice_id is not null and {{ known_by_then() }}

),

renamed as (

    select
        notice_id,
        version as own_version,
        lower(kind) as kind,
        lower(channel) as channel,
        campaign_name,
        title,
        body,
        collected_fields,
        is_advertisement = 'true' as is_advertisement,
        {{ sha256_hex("concat(coalesce(title, ''), chr(31), body)") }} as text_sha256,
        {{ timestamp_from_text('sent_at') }} as effective_from,
        _sha256 as file_sha256,
        _row as file_row,
        _loaded_at as loaded_at
    from source
    where body is not null

),

-- of what is said twice about one moment the last that was loaded counts
deduplicated as (

    select *
    from renamed
    where effective_from is not null
    qualify row_number() over (
        partition by notice_id, effective_from
        order by loaded_at desc, file_sha256, file_row desc
    ) = 1

),

-- the same text again is the same version
changed as (

    select *
    from (
        select
            *,
            lag(text_sha256) over (partition by notice_id order by effective_from)
                as previous_sha256
        from deduplicated
    ) as compared
    where previous_sha256 is null or previous_sha256 <> text_sha256

),

final as (

    select
        {{ surrogate_key(['notice_id', micros_of('effective_from')]) }} as version_key,
        notice_id,
        row_number() over (partition by notice_id order by effective_from) as version_number,
        own_version,
        coalesce(kind, case when is_advertisement then 'advertisement' else 'information' end)
            as kind,
        channel,
        campaign_name,
        title,
        body,
        collected_fields,
        is_advertisement,
        -- what the law wants at the head of an advertisement: exactly this, no other spelling
        coalesce(title, body) like '(광고)%' or body like '(광고)%' as has_advertisement_mark,
        text_sha256,
        effective_from,
        lead(effective_from) over (partition by notice_id order by effective_from) as effective_to,
        loaded_at
    from changed

)

select * from final
