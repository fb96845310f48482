-- which rule puts an inquiry into its group, from the text as it was masked
with inquiries as (

    select inquiry_id, content, {{ inquiry_key('content') }} as content_key
    from {{ ref('stg_inquiries__inquiries') }}

),

rules as (

    select
        inquiry_group,
        word,
        and_word,
        priority,
        {{ inquiry_key('word') }} as word_key,
        {{ inquiry_key('and_word') }} as and_word_key,
        nullif({{ inquiry_key('not_word') }}, '') as not_word_key
    from {{ list_of('inquiry_rules') }}

),

-- a word of which nothing is left would be in every text
usable as (

    select
        *,
        concat(
            lpad(cast(priority as string), 9, '0'),
            lpad(
                cast(9999 - length(word_key) - length(coalesce(and_word_key, '')) as string), 4, '0'
            ),
            inquiry_group,
            chr(31),
            word,
            case when and_word is not null then concat(' + ', and_word) else '' end
        ) as place,
        concat(
            cast(priority as string), ' ', inquiry_group, ' ',
            word_key, ' ', coalesce(and_word_key, ''), ' ',
            coalesce(not_word_key, '')
        ) as rule_text
    from rules
    where word_key <> '' and coalesce(and_word_key, 'none') <> ''

),

version as (

    select {{ md5_hex("string_agg(rule_text, ';' order by rule_text)") }} as rules_version
    from usable

),

-- the smallest text is the rule that counts: by priority, then the longest words, then by name
matched as (

    select
        inquiries.inquiry_id,
        count(distinct usable.inquiry_group) as groups_matched,
        min(usable.place) as first_rule
    from inquiries
    inner join usable
        on strpos(inquiries.content_key, usable.word_key) > 0
        and (usable.and_word_key is null or strpos(inquiries.content_key, usable.and_word_key) > 0)
        and (usable.not_word_key is null or strpos(inquiries.content_key, usable.not_word_key) = 0)
    group by inquiries.inquiry_id

),

final as (

    select
        inquiries.inquiry_id,
        case
            when matched.inquiry_id is not null
                then substr(matched.first_rule, 14, strpos(matched.first_rule, chr(31)) - 14)
            when coalesce(inquiries.content_key, '') = '' then '(no text)'
            else '(unmatched)'
        end as inquiry_group,
        substr(matched.first_rule, strpos(matched.first_rule, chr(31)) + 1) as matched_rule,
        coalesce(matched.groups_matched, 0) as groups_matched,
        coalesce(
            {{ regex_matches(
                'inquiries.content', '[(](email|phone|national_id|card|account|address)[)]'
            ) }},
            false
        ) as has_masked_text,
        version.rules_version
    from inquiries
    left join matched on inquiries.inquiry_id = matched.inquiry_id
    cross join version

)

select * from final
