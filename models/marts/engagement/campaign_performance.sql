{%- set counted = {
    'messages': '1 = 1',
    'reached': 'reached_at is not null',
    'not_reached': 'bounced_at is not null or failed_at is not null',
    'opened': 'reached_at is not null and opened_at is not null',
    'machine_opened': 'reached_at is not null and machine_opened_at is not null',
    'clicked': 'reached_at is not null and clicked_at is not null',
    'complained': 'reached_at is not null and complained_at is not null',
    'unsubscribed': 'reached_at is not null and unsubscribed_at is not null',
    'mature': 'person_id is not null and window_ends_at <= ' ~ as_of(),
    'mature_converted': 'person_id is not null and window_ends_at <= ' ~ as_of()
    ~ ' and conversions > 0',
    'immature': 'person_id is not null and window_ends_at > ' ~ as_of(),
    'converted': 'conversions > 0',
    'converted_after_click': 'is_converted_after_click',
    'in_other_group': 'reached_at is not null and audience is not null and group_tier is not null',
    'with_tier_of_now': 'reached_at is not null and not is_tier_known and tier_now is not null',
    'without_price': 'reached_at is not null and cost is null',
} -%}
{%- set added = {
    'opens': 'case when reached_at is not null then opens else 0 end',
    'clicks': 'case when reached_at is not null then clicks else 0 end',
    'conversions': 'last_conversions',
    'verified_conversions': 'last_verified',
    'pending_conversions': 'last_pending',
} -%}
{%- set amounts = ['verified_value', 'credited_conversions', 'credited_verified_value', 'cost'] -%}
{%- set measures = {} -%}
{%- for name in (counted.keys() | list) + (added.keys() | list) -%}
    {%- do measures.update({name: 'cast(sum(' ~ name ~ ') as int64)'}) -%}
{%- endfor -%}
{%- for name in amounts -%}
    {%- do measures.update({name: 'round(sum(' ~ name ~ '), 4)'}) -%}
{%- endfor -%}
{%- set dimensions = [] -%}
{%- for name in message_dimensions() -%}
    {%- do dimensions.append('with_clicks.' ~ name) -%}
{%- endfor -%}

-- how messages did, by campaign, step, variant, channel, tier, audience and week
with messages as (

    select
        messages.*,
        coalesce(messages.campaign_id, messages.canvas_id) as campaign,
        messages.last_verified_value as verified_value,
        case when messages.is_tier_known then messages.tier else messages.tier_now end
            as group_tier,
        coalesce(credits.credited_conversions, 0) as credited_conversions,
        coalesce(credits.credited_verified_value, 0) as credited_verified_value
    from {{ ref('messages') }} as messages
    left join {{ ref('message_credits') }} as credits on messages.message_key = credits.message_key

),

-- the finest rows; what is coarser is added up from them
finest as (

    select
        channel,
        campaign as campaign_id,
        canvas_step_id,
        variation_id,
        group_tier as tier,
        audience,
        message_week,
        {% for name, condition in counted.items() -%}
        count(case when {{ condition }} then 1 end) as {{ name }},
        {% endfor -%}
        {% for name, amount in added.items() -%}
        cast(sum({{ amount }}) as int64) as {{ name }},
        {% endfor -%}
        {% for name in amounts -%}
        round(sum({{ name }}), 4) as {{ name }}{{ ',' if not loop.last }}
        {% endfor -%}
    from messages
    group by channel, campaign, canvas_step_id, variation_id, group_tier, audience, message_week

),

summed as (

    {{ by_breakdown('finest', measures) }}

),

-- some channels report no clicks: SMS, for example, without Braze's own links
with_clicks as (

    select *, max(clicked) over (partition by channel) > 0 as has_clicks
    from summed

),

names as (

    select kind, id, name
    from {{ ref('message_names') }}

),

channels as (

    select channel, has_opens
    from {{ list_of('message_channels') }}
    where coalesce(conversion_type, '') = ''

),

final as (

    select
        {{ surrogate_key(['with_clicks.breakdown'] + dimensions) }} as performance_key,
        with_clicks.breakdown,
        with_clicks.{{ message_dimensions().keys() | join(', with_clicks.') }},
        campaigns.name as campaign_name,
        steps.name as canvas_step_name,
        variants.name as variation_name,
        with_clicks.{{ measures.keys() | join(', with_clicks.') }},
        with_clicks.immature = 0 as is_mature,
        {{ rate_columns(
            'open_rate', 'with_clicks.opened', 'with_clicks.reached', 'channels.has_opens'
        ) }},
        {{ rate_columns(
            'click_rate', 'with_clicks.clicked', 'with_clicks.reached', 'with_clicks.has_clicks'
        ) }},
        {{ rate_columns('conversion_rate', 'with_clicks.mature_converted', 'with_clicks.mature') }},
        {{ rate_columns('unsubscribe_rate', 'with_clicks.unsubscribed', 'with_clicks.reached') }},
        {{ reporting_currency() }} as currency,
        round(with_clicks.cost / nullif(with_clicks.verified_conversions, 0), 4)
            as cost_per_verified_conversion
    from with_clicks
    left join channels on with_clicks.channel = channels.channel
    left join names as campaigns
        on campaigns.kind = 'campaign' and with_clicks.campaign_id = campaigns.id
    left join names as steps on steps.kind = 'step' and with_clicks.canvas_step_id = steps.id
    left join names as variants
        on variants.kind = 'variant' and with_clicks.variation_id = variants.id

)

select * from final
