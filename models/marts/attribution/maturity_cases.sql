{%- set looks = range(var('maturity_backtest_months') + 1) | list -%}
{%- set month = month_before(local_date(as_of()), 'months_back - 1') -%}
{%- set month_start = "concat(cast(" ~ month ~ " as string), ' 00:00:00')" -%}

-- each conversion as it stood at each look:
-- now, and at the beginnings of the months that the back-test looks back to
with conversions as (

    select
        *,
        coalesce(channel_group, '(no web session)') as maturity_channel,
        verify_by is not null as is_awaited
    from {{ ref('conversions') }}

),

moments as (

    select
        months_back = 0 as is_now,
        case
            when months_back = 0 then {{ as_of() }}
            else {{ timestamp_from_local_text(month_start) }}
        end as looked_at
    from {{ rows_of_array(looks, 'months_back') }}

),

-- a build as a month begins looks once at that moment
looks as (

    select *
    from moments
    where is_now or looked_at < {{ as_of() }}

),

observed as (

    select
        looks.looked_at,
        looks.is_now,
        conversions.conversion_key,
        conversions.conversion_type,
        conversions.maturity_channel,
        conversions.conversion_date,
        conversions.converted_at,
        conversions.online_value,
        conversions.is_awaited,
        case when conversions.verified_at <= looks.looked_at then conversions.verified_at end
            as verified_at,
        case when conversions.lost_at <= looks.looked_at then conversions.lost_at end as lost_at,
        case when conversions.reversed_at <= looks.looked_at then conversions.reversed_at end
            as reversed_at,
        case
            when conversions.reversed_at > looks.looked_at
                then conversions.verified_value + coalesce(conversions.reversed_value, 0)
            else conversions.verified_value
        end as value_if_verified
    from conversions
    cross join looks
    where conversions.converted_at <= looks.looked_at

),

final as (

    select
        {{ surrogate_key(['conversion_key', micros_of('looked_at')]) }} as case_key,
        looked_at,
        is_now,
        conversion_key,
        conversion_type,
        maturity_channel,
        conversion_date,
        online_value,
        is_awaited,
        case
            when reversed_at is not null then 'reversed'
            when verified_at is not null then 'verified'
            when lost_at is not null then 'lost'
            else 'pending'
        end as state,
        case when verified_at is not null then value_if_verified end as verified_value,
        {{ whole_days('converted_at', 'looked_at') }} as observed_days,
        {{ whole_days('converted_at', 'coalesce(verified_at, lost_at)') }} + 1 as ended_day,
        {{ whole_days('verified_at', 'looked_at') }} as verified_days,
        {{ whole_days('verified_at', 'reversed_at') }} + 1 as reversed_day
    from observed

)

select * from final
