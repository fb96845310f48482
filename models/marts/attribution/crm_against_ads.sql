{%- set measures = [
    'conversions', 'online_value', 'verified_conversions', 'verified_value', 'expected_value'
] -%}

-- advertising and the company's own messages by one definition of conversion and one model
with credits as (

    select *
    from {{ ref('credited_returns') }}
    where model = {{ text_literal(var('returns_model')) }}

),

billed as (

    select distinct campaign_key
    from {{ ref('ad_campaigns') }}

),

credited as (

    select
        {{ month_before('credits.touch_date', 0) }} as month,
        case
            when billed.campaign_key is not null then 'ads'
            when lower(credits.source) = 'braze'
                or credits.channel_group in ({{ text_literals(var('crm_channels')) }})
                then 'crm'
        end as side,
        credits.channel_group,
        sum(credits.credit) as conversions,
        sum(credits.credited_value) as online_value,
        sum(credits.credited_verified) as verified_conversions,
        sum(credits.credited_verified_value) as verified_value,
        sum(credits.expected_value) as expected_value
    from credits
    left join billed on credits.campaign_key = billed.campaign_key
    group by month, side, credits.channel_group

),

credited_sides as (

    select *
    from credited
    where side is not null

),

spent as (

    select
        {{ month_before('days.activity_date', 0) }} as month,
        'ads' as side,
        days.channel_group,
        sum(days.cost) as cost,
        cast(sum(days.costs_without_rate) as int64) as costs_without_rate,
        cast(sum(days.impressions) as int64) as shown,
        cast(null as int64) as reached_persons
    from {{ ref('campaign_days') }} as days
    inner join billed on days.campaign_key = billed.campaign_key
    group by month, side, days.channel_group

),

messages as (

    select activity_date, object_type as channel, person_id
    from {{ ref('activities') }}
    where action = 'message_delivered'

),

prices as (

    {{ message_prices() }}

),

-- persons are counted on each channel
of_channels as (

    select
        {{ month_before('messages.activity_date', 0) }} as month,
        messages.channel,
        min(prices.channel_group) as channel_group,
        count(*) as delivered,
        count(distinct messages.person_id) as reached_persons,
        sum({{ converted('prices.price', fx_rate('prices')) }}) as cost,
        {{ amounts_without_rate('prices.price', fx_rate('prices')) }} as costs_without_rate
    from messages
    left join prices on messages.channel = prices.channel
    {{ join_fx_rates('prices', 'messages.activity_date') }}
    group by month, messages.channel

),

sent as (

    select
        of_channels.month,
        'crm' as side,
        coalesce(of_channels.channel_group, of_channels.channel) as channel_group,
        sum(of_channels.cost) as cost,
        cast(sum(of_channels.costs_without_rate) as int64) as costs_without_rate,
        cast(sum(of_channels.delivered) as int64) as shown,
        cast(sum(of_channels.reached_persons) as int64) as reached_persons
    from of_channels
    group by of_channels.month, side, coalesce(of_channels.channel_group, of_channels.channel)

),

costs as (

    select *
    from spent

    union all

    select *
    from sent

),

final as (

    select
        coalesce(credited.month, costs.month) as month,
        coalesce(credited.side, costs.side) as side,
        coalesce(credited.channel_group, costs.channel_group) as channel_group,
        round(costs.cost, 4) as cost,
        coalesce(costs.costs_without_rate, 0) as costs_without_rate,
        costs.shown,
        costs.reached_persons,
        {% for name in measures -%}
        round(coalesce(credited.{{ name }}, 0), 6) as {{ name }},
        {% endfor -%}
        round(
            credited.verified_value
            / {{ whole_cost('costs.cost', 'costs.costs_without_rate') }}, 6
        ) as verified_return,
        round(
            credited.expected_value
            / {{ whole_cost('costs.cost', 'costs.costs_without_rate') }}, 6
        ) as expected_return
    from credited_sides as credited
    full outer join costs
        on credited.month = costs.month
        and credited.side = costs.side
        and credited.channel_group = costs.channel_group

)

select * from final
