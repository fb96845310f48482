{%- set rules = madang.upload_rules() -%}

-- what may be reported back to each platform:
-- verified conversions once, then what is taken back or worth less
with limits as (

    select
        platform,
        cast(conversion_days as int64) as conversion_days,
        cast(online_days as int64) as online_days,
        lower(cast(takes_corrections as string)) as takes_corrections
    from {{ list_of('upload_limits') }}

),

conversions as (

    select *
    from {{ ref('conversions') }}
    where verified_at is not null

),

last_clicks as (

    select platform, conversion_key, clicked_at, click_id_name, click_id
    from {{ ref('conversion_clicks') }}

),

with_address as (

    select distinct person_id
    from {{ ref('customer_values') }}
    where is_chosen and field in ('email', 'phone')

),

allowed as (

    select distinct person_id
    from {{ ref('contactability') }}
    where channel = 'ads' and purpose = 'advertising' and is_allowed

),

delivered as (

    select upload_key, told_value
    from {{ ref('conversion_upload_fates') }}
    where is_taken

),

candidates as (

    {% for operation, condition, value, moment in [
        ('conversion', "verified_state = 'verified'", 'verified_value', 'verified_at'),
        (
            'restatement',
            "verified_state = 'verified' and reversed_value > 0",
            'verified_value',
            'verified_at'
        ),
        (
            'retraction', "verified_state = 'reversed'",
            'cast(0 as ' ~ float64() ~ ')', 'reversed_at'
        ),
    ] -%}
    select
        limits.platform, limits.conversion_days, limits.online_days, limits.takes_corrections,
        '{{ operation }}' as operation,
        {{ upload_key('limits.platform', 'conversions.conversion_key') }} as first_key,
        {{ upload_key(
            'limits.platform', 'conversions.conversion_key', operation, 'conversions.verified_value'
        ) }} as upload_key,
        conversions.conversion_key,
        conversions.conversion_type,
        conversions.person_id,
        conversions.device_id,
        conversions.object_id,
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
        candidates.device_id,
        candidates.object_id,
        candidates.converted_at,
        candidates.happened_at,
        candidates.value,
        first_sent.told_value,
        candidates.currency,
        last_clicks.click_id_name,
        last_clicks.click_id,
        last_clicks.clicked_at,
        case
            when sent.upload_key is not null then 'already_sent'
            when {{ upload_not_chosen('candidates', rules) }} then 'not_chosen'
            when candidates.person_id is null then 'nobody_known'
            when allowed.person_id is null then 'no_consent'
            when candidates.operation <> 'conversion'
                and (
                    not {{ upload_takes_corrections('candidates', rules) }}
                    or {{ upload_has_no_refund('candidates', rules) }}
                    or coalesce(last_clicks.click_id_name = 'wbraid', false)
                ) then 'no_corrections'
            when candidates.happened_at > {{ as_of() }} then 'in_the_future'
            when {{ upload_waits('candidates', rules) }} then 'not_mature'
            when {{ seconds_between(upload_ages_from('candidates'), as_of()) }}
                > {{ upload_days('candidates', rules) }} * 86400 then 'too_old'
            when candidates.platform = 'ga4' and candidates.device_id is null then 'no_match_key'
            when candidates.platform <> 'ga4' and candidates.operation = 'conversion'
                and last_clicks.click_id is null and with_address.person_id is null
                then 'no_match_key'
        end as held_back_reason
    from candidates
    left join delivered as sent on candidates.upload_key = sent.upload_key
    left join delivered as first_sent on candidates.first_key = first_sent.upload_key
    left join allowed on candidates.person_id = allowed.person_id
    left join last_clicks
        on candidates.platform = last_clicks.platform
        and candidates.conversion_key = last_clicks.conversion_key
    left join with_address
        on candidates.person_id = with_address.person_id
        and candidates.platform in ({{ text_literals(reported_click_ids() | list) }})
    -- what was never sent needs no correction,
    -- and neither does what is worth what the platform knows
    where
        candidates.operation = 'conversion'
        or (candidates.operation = 'retraction' and first_sent.upload_key is not null)
        or round(first_sent.told_value - candidates.value, 4) > 0

)

select * from final
