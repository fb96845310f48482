{%- set click_ids = {'google': ['gclid', 'gbraid', 'wbraid'], 'meta': ['fbclid'], 'tiktok': ['ttclid']} -%}

-- what may be reported back to each platform: verified conversions once, then what is taken back or worth less
with limits as (

    select
        platform,
        cast(click_days as int64) as click_days,
        cast(conversion_days as int64) as conversion_days,
        lower(cast(takes_corrections as string)) = 'true' as takes_corrections
    from {{ list_of('upload_limits') }}

),

conversions as (

    select *
    from {{ ref('conversions') }}
    where verified_at is not null

),

-- the platform's own click that came last before the conversion
clicks as (

    {% for platform, names in click_ids.items() -%}
    {% set outer_last = loop.last -%}
    {% for name in names -%}
    select
        '{{ platform }}' as platform,
        path_touches.conversion_key,
        path_touches.touched_at as clicked_at,
        '{{ name }}' as click_id_name,
        touches.{{ name }} as click_id
    from {{ ref('attribution_path_touches') }} as path_touches
    inner join {{ ref('touches') }} as touches on path_touches.touch_key = touches.touch_key
    where path_touches.conversion_key is not null and touches.{{ name }} is not null
    {{ 'union all' if not (loop.last and outer_last) }}
    {% endfor -%}
    {% endfor %}
),

last_clicks as (

    select clicks.*
    from clicks
    inner join conversions on clicks.conversion_key = conversions.conversion_key
    inner join limits on clicks.platform = limits.platform
    where {{ seconds_between('clicks.clicked_at', 'conversions.converted_at') }} <= limits.click_days * 86400
    qualify row_number() over (
        partition by clicks.platform, clicks.conversion_key
        order by clicks.clicked_at desc, clicks.click_id_name, clicks.click_id
    ) = 1

),

match_keys as (

    {% for platform in click_ids -%}
    select
        '{{ platform }}' as platform,
        person_id,
        string_agg(match_key, ' ' order by match_key) as match_keys
    from ({{ ad_match_keys(platform) }}) as keys_of_{{ platform }}
    where match_key is not null
    group by person_id
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

allowed as (

    select distinct person_id
    from {{ ref('contactability') }}
    where channel = 'ads' and purpose = 'advertising' and is_allowed

),

delivered as (

    select distinct sync_key
    from {{ ref('stg_sync__deliveries') }}
    where status in ('accepted', 'applied')

),

candidates as (

    {% for operation, condition, value, moment in [
        ('conversion', "verified_state = 'verified'", 'verified_value', 'verified_at'),
        ('restatement', "verified_state = 'verified' and reversed_value > 0", 'verified_value', 'verified_at'),
        ('retraction', "verified_state = 'reversed'", 'cast(0 as ' ~ float64() ~ ')', 'reversed_at'),
    ] -%}
    select
        limits.platform,
        limits.conversion_days,
        limits.takes_corrections,
        '{{ operation }}' as operation,
        {{ surrogate_key(['limits.platform', 'conversions.conversion_key', "'conversion'"]) }} as first_key,
        {{ surrogate_key(['limits.platform', 'conversions.conversion_key', "'" ~ operation ~ "'"]
            + (['conversions.verified_value'] if operation == 'restatement' else [])) }} as upload_key,
        conversions.conversion_key,
        conversions.conversion_type,
        conversions.person_id,
        conversions.converted_at,
        conversions.verified_at,
        conversions.{{ moment }} as happened_at,
        {{ value }} as value,
        conversions.currency
    from conversions
    cross join limits
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        candidates.upload_key,
        candidates.platform,
        candidates.operation,
        candidates.conversion_key,
        candidates.conversion_type,
        candidates.person_id,
        candidates.converted_at,
        candidates.happened_at,
        candidates.value,
        candidates.currency,
        last_clicks.click_id_name,
        last_clicks.click_id,
        match_keys.match_keys,
        case
            when sent.sync_key is not null then 'already_sent'
            when candidates.person_id is null then 'nobody_known'
            when allowed.person_id is null then 'no_consent'
            when candidates.operation <> 'conversion' and not candidates.takes_corrections then 'no_corrections'
            when {{ seconds_between('candidates.verified_at', as_of()) }} > candidates.conversion_days * 86400
                then 'too_old'
            when last_clicks.click_id is null and match_keys.match_keys is null then 'no_match_key'
        end as held_back_reason
    from candidates
    left join delivered as sent on candidates.upload_key = sent.sync_key
    left join delivered as first_sent on candidates.first_key = first_sent.sync_key
    left join allowed on candidates.person_id = allowed.person_id
    left join last_clicks
        on candidates.platform = last_clicks.platform
        and candidates.conversion_key = last_clicks.conversion_key
    left join match_keys
        on candidates.platform = match_keys.platform
        and candidates.person_id = match_keys.person_id
    -- what was never sent needs no correction
    where candidates.operation = 'conversion' or first_sent.sync_key is not null

)

select * from final
