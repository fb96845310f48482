-- each verified conversion is counted once at each platform, with its value,
-- and what was told is what the ledger has
with results as (

    select
        platform,
        sum(conversions) as conversions,
        sum(verified_value) as verified_value,
        sum(sent_conversions) as sent_conversions
    from {{ ref('conversion_upload_results') }}
    group by platform

),

verified as (

    select
        limits.platform,
        count(*) as conversions,
        coalesce(sum(conversions.verified_value), 0) as verified_value,
        count(fates.upload_key) as sent_conversions
    from {{ ref('conversions') }} as conversions
    cross join {{ list_of('upload_limits') }} as limits
    left join {{ ref('conversion_upload_fates') }} as fates
        on {{ upload_key('limits.platform', 'conversions.conversion_key') }} = fates.upload_key
        and fates.is_taken
    where conversions.verified_at is not null
    group by limits.platform

)

select verified.platform
from verified
full join results on verified.platform = results.platform
where
    coalesce(results.conversions, -1) <> coalesce(verified.conversions, -2)
    or coalesce(results.sent_conversions, -1) <> coalesce(verified.sent_conversions, -2)
    or abs(coalesce(results.verified_value, -1) - coalesce(verified.verified_value, -2)) > 0.01
