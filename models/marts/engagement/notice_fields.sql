-- which fields a notice of collection covers, and from when until when
with versions as (

    select
        version_key,
        notice_id,
        version_number,
        effective_from,
        effective_to,
        concat(',', {{ regex_replace(word_key('collected_fields'), '[,/;|·、]+', ',') }}, ',')
            as words
    from {{ ref('stg_notices__versions') }}
    where kind = 'collection' and collected_fields is not null

),

listed as (

    {{ words_of(list_of('notice_field_words'), ['field']) }}

),

final as (

    select distinct
        versions.version_key,
        listed.field,
        versions.notice_id,
        versions.version_number,
        versions.effective_from,
        versions.effective_to
    from versions
    inner join listed on strpos(versions.words, concat(',', listed.word_key, ',')) > 0

)

select * from final
