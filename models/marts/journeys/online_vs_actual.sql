-- what the website counted, beside what it came to, by the day of the online conversion
with conversions as (

    select
        conversion_date,
        conversion_type,
        coalesce(channel_group, '(no web session)') as channel_group,
        coalesce(campaign, '(none)') as campaign,
        coalesce(object_type, '(none)') as product,
        verified_state,
        online_value,
        verified_value,
        reversed_value,
        {{ local_date('verify_by') }} as last_day
    from {{ ref('conversions') }}

),

summed as (

    select
        conversion_date,
        conversion_type,
        channel_group,
        campaign,
        product,
        count(*) as online,
        count(case when verified_state = 'verified' then 1 end) as actual,
        count(case when verified_state = 'pending' then 1 end) as pending,
        count(case when verified_state = 'lost' then 1 end) as lost,
        count(case when verified_state = 'reversed' then 1 end) as reversed,
        coalesce(round(sum(online_value), 4), 0) as online_value,
        coalesce(round(sum(verified_value), 4), 0) as actual_value,
        coalesce(round(sum(reversed_value), 4), 0) as reversed_value,
        coalesce(round(sum(case when verified_state = 'pending' then online_value end), 4), 0)
            as pending_value,
        count(*) - count(online_value) as online_without_value,
        max(last_day) as window_ends_on
    from conversions
    group by conversion_date, conversion_type, channel_group, campaign, product

),

final as (

    select
        {{ surrogate_key([
            'cast(conversion_date as string)', 'conversion_type',
            'channel_group', 'campaign', 'product',
        ]) }} as row_key,
        conversion_date,
        conversion_type,
        channel_group,
        campaign,
        product,
        window_ends_on,
        coalesce(window_ends_on < {{ as_of_day() }}, true) as is_mature,
        online,
        actual,
        pending,
        lost,
        reversed,
        online - actual as gap,
        round(1e6 * (online - actual) / online) / 1e6 as gap_share,
        round(1e6 * actual / online) / 1e6 as actual_share,
        online_value,
        actual_value,
        pending_value,
        reversed_value,
        round(online_value - actual_value, 4) as gap_value,
        online_without_value
    from summed

)

select * from final
