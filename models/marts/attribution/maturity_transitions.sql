-- what may happen to a conversion: it waits and is verified or lost; it is verified and taken back
with cases as (

    select *
    from {{ ref('maturity_cases') }}

),

waiting as (

    select
        case_key,
        looked_at,
        is_now,
        conversion_type,
        maturity_channel,
        'verification' as transition,
        observed_days,
        case when state <> 'pending' then ended_day end as exit_day,
        case when state in ('verified', 'reversed') then 1 when state = 'lost' then 2 end as cause
    from cases
    where is_awaited

),

standing as (

    select
        case_key,
        looked_at,
        is_now,
        conversion_type,
        maturity_channel,
        'reversal' as transition,
        verified_days as observed_days,
        case when state = 'reversed' then reversed_day end as exit_day,
        case when state = 'reversed' then 1 end as cause
    from cases
    where state in ('verified', 'reversed')

),

all_transitions as (

    select *
    from waiting

    union all

    select *
    from standing

),

with_ended as (

    select
        *,
        count(cause) over (partition by looked_at, conversion_type, transition, maturity_channel)
            as ended_in_channel
    from all_transitions

),

final as (

    select
        {{ surrogate_key(
            [micros_of('looked_at'), 'conversion_type', 'transition', 'maturity_channel']
        ) }} as stratum_key,
        case_key,
        looked_at,
        is_now,
        conversion_type,
        transition,
        maturity_channel as channel_group,
        observed_days,
        exit_day,
        cause
    from with_ended
    where ended_in_channel >= {{ var('maturity_least_ended') }}

    union all

    select
        {{ surrogate_key(
            [micros_of('looked_at'), 'conversion_type', 'transition', 'cast(null as string)']
        ) }} as stratum_key,
        case_key,
        looked_at,
        is_now,
        conversion_type,
        transition,
        cast(null as string) as channel_group,
        observed_days,
        exit_day,
        cause
    from with_ended

)

select * from final
