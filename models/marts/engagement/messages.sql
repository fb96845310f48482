{{ config(cluster_by=clustered_by(['person_id'])) }}

-- each message with what became of it, and who its person was when it was sent
with sent as (

    select *, {{ local_date('coalesce(started_at, first_event_at)') }} as message_date
    from ({{ sent_messages() }}) as messages

),

names as (

    select id, name
    from {{ ref('message_names') }}
    where kind = 'campaign'

),

audiences as (

    select campaign_id, audience
    from {{ list_of('message_audiences') }}

),

windows as (

    select channel, max(window_hours) as longest_hours
    from {{ list_of('message_channels') }}
    group by channel

),

conversions as (

    select
        message_key,
        count(*) as conversions,
        min(converted_at) as converted_at,
        {{ any_true('is_after_open') }} as is_converted_after_open,
        {{ any_true('is_after_click') }} as is_converted_after_click,
        count(case when is_last_message then 1 end) as last_conversions,
        count(case when is_last_message and verified_state = 'verified' then 1 end) as last_verified,
        count(case when is_last_message and verified_state = 'pending' then 1 end) as last_pending,
        round(sum(case when is_last_message then coalesce(verified_value, 0) else 0 end), 4) as last_verified_value
    from {{ ref('message_conversions') }}
    group by message_key

),

customers as (

    select customers.person_id, customers.tier, known.known_from
    from {{ ref('customers') }} as customers
    left join (
        select person_id, min(valid_from) as known_from
        from {{ ref('tier_history') }}
        group by person_id
    ) as known on customers.person_id = known.person_id

),

-- an open end is a moment: a join on a condition with `or` compares each row with each
tiers as (

    select person_id, tier, valid_from, coalesce(valid_to, timestamp '9999-01-01 00:00:00') as valid_to
    from {{ ref('tier_history') }}

),

stages as (

    select
        person_id,
        stage,
        entered_at,
        coalesce(left_at, timestamp '9999-01-01 00:00:00') as left_at
    from {{ ref('person_stages') }}
    where journey = {{ text_literal(var('message_journey')) }}

),

prices as (

    select
        channel,
        {{ number_from_text('price') }} as price,
        {{ currency_code('currency', reporting_currency()) }} as currency
    from {{ list_of('message_prices') }}

),

final as (

    select
        sent.message_key,
        sent.sender,
        sent.person_id,
        sent.channel,
        sent.campaign_id,
        sent.canvas_id,
        sent.canvas_step_id,
        sent.variation_id,
        names.name as campaign_name,
        audiences.audience,
        tiers.tier,
        customers.tier as tier_now,
        coalesce(sent.started_at >= customers.known_from, false) as is_tier_known,
        stages.stage,
        sent.message_date,
        {{ week_of('sent.message_date') }} as message_week,
        sent.started_at,
        sent.reached_at,
        {{ timestamp_plus('sent.reached_at', 'windows.longest_hours', 'hour') }} as window_ends_at,
        {% for moment in message_moments() -%}
        sent.{{ moment }}_at,
        {% endfor -%}
        sent.sends,
        sent.views,
        sent.opens,
        sent.clicks,
        sent.has_early_response,
        conversions.converted_at,
        coalesce(conversions.is_converted_after_open, false) as is_converted_after_open,
        coalesce(conversions.is_converted_after_click, false) as is_converted_after_click,
        coalesce(conversions.conversions, 0) as conversions,
        coalesce(conversions.last_conversions, 0) as last_conversions,
        coalesce(conversions.last_verified, 0) as last_verified,
        coalesce(conversions.last_pending, 0) as last_pending,
        coalesce(conversions.last_verified_value, 0) as last_verified_value,
        case when sent.reached_at is not null then {{ converted('prices.price', fx_rate('prices')) }} end as cost
    from sent
    left join names on coalesce(sent.campaign_id, sent.canvas_id) = names.id
    left join audiences on coalesce(sent.campaign_id, sent.canvas_id) = audiences.campaign_id
    left join windows on sent.channel = windows.channel
    left join conversions on sent.message_key = conversions.message_key
    left join customers on sent.person_id = customers.person_id
    left join tiers
        on sent.person_id = tiers.person_id
        and sent.started_at >= tiers.valid_from
        and sent.started_at < tiers.valid_to
    left join stages
        on sent.person_id = stages.person_id
        and sent.started_at >= stages.entered_at
        and sent.started_at < stages.left_at
    left join prices on sent.channel = prices.channel
    {{ join_fx_rates('prices', 'sent.message_date') }}

)

select * from final
