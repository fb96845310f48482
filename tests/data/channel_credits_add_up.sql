-- both answers of a model divide the same conversions:
-- each month adds up to the same, by channel and by touch
with by_channel as (

    select
        model,
        conversion_type,
        conversion_month,
        sum(credit) as credit,
        sum(credited_value) as credited_value,
        sum(credited_verified_value) as credited_verified_value
    from {{ ref('attribution_channel_credits') }}
    group by model, conversion_type, conversion_month

),

by_touch as (

    select
        credits.model,
        credits.conversion_type,
        {{ month_before('conversions.conversion_date', 0) }} as conversion_month,
        sum(credits.credit) as credit,
        sum(credits.credited_value) as credited_value,
        sum(credits.credited_verified_value) as credited_verified_value
    from {{ ref('attribution_credits') }} as credits
    inner join {{ ref('conversions') }} as conversions
        on credits.conversion_key = conversions.conversion_key
    group by
        credits.model, credits.conversion_type, {{ month_before('conversions.conversion_date', 0) }}

)

select
    by_touch.model,
    by_touch.conversion_type,
    by_touch.conversion_month,
    by_touch.credit,
    by_channel.credit as by_channel
from by_touch
full outer join by_channel
    on by_touch.model = by_channel.model
    and by_touch.conversion_type = by_channel.conversion_type
    and by_touch.conversion_month = by_channel.conversion_month
where
    coalesce(abs(by_touch.credit - by_channel.credit) > 1e-6, true)
    or abs(coalesce(by_touch.credited_value, 0) - coalesce(by_channel.credited_value, 0)) > 1e-3
    or abs(by_touch.credited_verified_value - by_channel.credited_verified_value) > 1e-3
