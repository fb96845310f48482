-- both views add up to what was credited, by type and model,
-- and that to the conversions (but for participation)
with returns as (

    select
        conversion_type,
        model,
        sum(conversions) as conversions,
        sum(booked_conversions) as booked_conversions,
        sum(online_value) as online_value,
        sum(booked_online_value) as booked_online_value,
        sum(verified_value - reversed_value) as net_value,
        sum(booked_verified_value - booked_reversed_value) as booked_net_value,
        sum(verified_conversions - reversed_conversions) as net_conversions,
        sum(booked_verified_conversions - booked_reversed_conversions) as booked_net_conversions,
        sum(expected_value) as expected_value
    from {{ ref('campaign_returns') }}
    group by conversion_type, model

),

credits as (

    select
        conversion_type,
        model,
        sum(credit) as credit,
        sum(credited_value) as credited_value,
        sum(credited_verified_value) as credited_verified_value
    from {{ ref('attribution_credits') }}
    group by conversion_type, model

),

conversions as (

    select
        all_conversions.conversion_type,
        count(*) as conversions,
        sum(all_conversions.online_value) as online_value,
        sum(all_conversions.verified_value) as verified_value,
        sum(expectations.expected_value) as expected_value
    from {{ ref('conversions') }} as all_conversions
    inner join {{ ref('conversion_expectations') }} as expectations
        on all_conversions.conversion_key = expectations.conversion_key
        and expectations.is_now
    group by all_conversions.conversion_type

)

select
    coalesce(credits.conversion_type, returns.conversion_type) as conversion_type,
    coalesce(credits.model, returns.model) as model,
    credits.credit,
    returns.conversions,
    returns.booked_conversions,
    credits.credited_value,
    returns.online_value,
    credits.credited_verified_value,
    returns.net_value,
    returns.booked_net_value,
    conversions.expected_value,
    returns.expected_value as returned_expected_value
from credits
full outer join returns
    on credits.conversion_type = returns.conversion_type
    and credits.model = returns.model
left join conversions on credits.conversion_type = conversions.conversion_type
where
    returns.model is null
    or credits.model is null
    or abs(returns.conversions - credits.credit) > 0.01
    or abs(returns.booked_conversions - credits.credit) > 0.01
    or abs(coalesce(returns.online_value, 0) - coalesce(credits.credited_value, 0)) > 1
    or abs(coalesce(returns.booked_online_value, 0) - coalesce(credits.credited_value, 0)) > 1
    or abs(coalesce(returns.net_value, 0) - coalesce(credits.credited_verified_value, 0)) > 1
    or abs(coalesce(returns.booked_net_value, 0) - coalesce(credits.credited_verified_value, 0)) > 1
    or abs(returns.net_conversions - returns.booked_net_conversions) > 0.01
    or (
        -- a model whose credits are those of one conversion each
        abs(credits.credit - conversions.conversions) < 0.01
        and (
            abs(coalesce(returns.online_value, 0) - coalesce(conversions.online_value, 0)) > 1
            or abs(coalesce(returns.net_value, 0) - coalesce(conversions.verified_value, 0)) > 1
            or abs(coalesce(returns.expected_value, 0) - coalesce(conversions.expected_value, 0))
                > 5
        )
    )
