{{ config(cluster_by=clustered_by(['person_id'])) }}
{%- set ids = [
    'message_key', 'sender', 'person_id', 'channel',
    'campaign_id', 'canvas_id', 'canvas_step_id', 'variation_id',
] -%}
{%- set senders = [ref('braze_messages')] -%}
{%- set known_then = 'coalesce(sent.started_at >= known.known_from, false)' -%}
{%- set moments = message_moments() | reject('in', ['opened', 'clicked']) | list -%}

-- the messages of every sender by the rules of their channel, with who their person was then;
-- a sender is one more name
with channels as (

    select channel, starts_with, reached_by, window_hours
    from {{ list_of('message_channels') }}
    where coalesce(conversion_type, '') = ''

),

windows as (

    select channel, max(window_hours) as longest_hours
    from {{ list_of('message_channels') }}
    group by channel

),

sent as (

    {% for sender in senders -%}
    select *
    from {{ sender }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

begun as (

    select
        sent.*,
        case channels.starts_with when 'viewed' then sent.viewed_at else sent.sent_at end
            as started_at,
        channels.reached_by,
        channels.window_hours,
        windows.longest_hours
    from sent
    left join channels on sent.channel = channels.channel
    left join windows on sent.channel = windows.channel

),

-- a response before the message began has the wrong clock or the wrong message;
-- what did not begin reached no one
with_response as (

    select
        *,
        {% for response in ['opened', 'clicked'] -%}
        case
            when started_at is null or {{ response }}_at >= started_at then {{ response }}_at
            when last_{{ response }}_at >= started_at then last_{{ response }}_at
        end as own_{{ response }}_at,
        {% endfor -%}
        coalesce(opened_at < started_at, false)
        or coalesce(clicked_at < started_at, false) as has_early_response,
        case
            when started_at is null then null
            when reached_by = 'delivered' then delivered_at
            when reached_by = 'viewed' then viewed_at
            when reached_by = 'sent' and coalesce(bounced_at, failed_at) is null then sent_at
        end as reached_at,
        {{ local_date('coalesce(started_at, first_event_at)') }} as message_date
    from begun

),

known as (

    select person_id, min(valid_from) as known_from
    from {{ ref('tier_history') }}
    group by person_id

),

-- an open end is a moment: a join on a condition with `or` compares each row with each
tiers as (

    select person_id, tier, valid_from, coalesce(valid_to, {{ far_future() }}) as valid_to
    from {{ ref('tier_history') }}

),

stages as (

    select
        person_id,
        stage,
        entered_at,
        coalesce(left_at, {{ far_future() }}) as left_at
    from {{ ref('person_stages') }}
    where journey = {{ text_literal(var('message_journey')) }}

),

prices as (

    {{ message_prices() }}

),

final as (

    select
        sent.{{ ids | join(', sent.') }},
        names.name as campaign_name,
        audiences.audience,
        tiers.tier,
        customers.tier as tier_now,
        {{ 'sent.person_id is not null' if tier_rules() else known_then }} as is_tier_known,
        stages.stage,
        sent.message_date,
        {{ week_of('sent.message_date') }} as message_week,
        sent.started_at,
        sent.reached_at,
        sent.window_hours,
        {{ timestamp_plus('sent.reached_at', 'sent.longest_hours', 'hour') }} as window_ends_at,
        sent.own_opened_at as opened_at,
        sent.own_clicked_at as clicked_at,
        {% for moment in moments -%}
        sent.{{ moment }}_at,
        {% endfor -%}
        sent.{{ ['sends', 'views', 'opens', 'clicks'] | join(', sent.') }},
        sent.has_early_response,
        case
            when sent.reached_at is not null then {{ converted('prices.price', fx_rate('prices')) }}
        end as cost
    from with_response as sent
    left join {{ ref('message_names') }} as names
        on names.kind = 'campaign' and coalesce(sent.campaign_id, sent.canvas_id) = names.id
    left join {{ list_of('message_audiences') }} as audiences
        on coalesce(sent.campaign_id, sent.canvas_id) = audiences.campaign_id
    left join {{ ref('customers') }} as customers on sent.person_id = customers.person_id
    left join known on sent.person_id = known.person_id
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
