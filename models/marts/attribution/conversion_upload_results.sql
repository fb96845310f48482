-- what each platform was told of the verified conversions, beside what is verified now
with platforms as (

    select platform
    from {{ list_of('upload_limits') }}

),

conversions as (

    select conversion_key, conversion_type, verified_at, verified_value, currency
    from {{ ref('conversions') }}
    where verified_at is not null

),

uploads as (

    select platform, conversion_key, operation, held_back_reason
    from {{ ref('conversion_uploads') }}

),

fates as (

    select upload_key, fate, reason, is_taken, told_value
    from {{ ref('conversion_upload_fates') }}

),

-- one conversion at one platform, with the report of it and the correction that is due now
reported as (

    select
        platforms.platform,
        conversions.conversion_type,
        {{ local_date('conversions.verified_at') }} as verified_date,
        conversions.currency,
        conversions.verified_value,
        case
            when fates.upload_key is not null then fates.fate
            when first_report.conversion_key is null then 'taken_back_before'
            when first_report.held_back_reason is not null then 'held_back'
            else 'waiting'
        end as state,
        coalesce(
            fates.reason, case when fates.upload_key is null then first_report.held_back_reason end
        ) as reason,
        coalesce(fates.is_taken, false) as is_taken,
        case when fates.is_taken then fates.told_value end as first_value,
        case
            when correction.conversion_key is null then 'none'
            when correction.held_back_reason = 'already_sent' then 'sent'
            when correction.held_back_reason is null then 'waiting'
            else 'not_possible'
        end as correction
    from conversions
    cross join platforms
    left join fates
        on {{ upload_key('platforms.platform', 'conversions.conversion_key') }} = fates.upload_key
    left join uploads as first_report
        on platforms.platform = first_report.platform
        and conversions.conversion_key = first_report.conversion_key
        and first_report.operation = 'conversion'
    left join uploads as correction
        on platforms.platform = correction.platform
        and conversions.conversion_key = correction.conversion_key
        and correction.operation <> 'conversion'

),

valued as (

    select
        *,
        case when correction = 'sent' then verified_value else first_value end as told_value
    from reported

),

final as (

    select
        platform,
        conversion_type,
        verified_date,
        currency,
        state,
        reason,
        count(*) as conversions,
        round(coalesce(sum(verified_value), 0), 4) as verified_value,
        count(case when is_taken then 1 end) as sent_conversions,
        round(coalesce(sum(told_value), 0), 4) as sent_value,
        round(coalesce(sum(case when is_taken then verified_value end), 0), 4)
            as sent_verified_value,
        count(case when correction = 'sent' then 1 end) as corrections_sent,
        count(case when correction = 'waiting' then 1 end) as corrections_waiting,
        count(case when correction = 'not_possible' then 1 end) as corrections_not_possible,
        round(
            coalesce(
                sum(case when correction = 'not_possible' then told_value - verified_value end), 0
            ),
            4
        ) as uncorrected_value
    from valued
    group by platform, conversion_type, verified_date, currency, state, reason

)

select * from final
