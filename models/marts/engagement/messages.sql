{{ config(materialized='view') }}
{%- set columns = [
    'message_key', 'sender', 'person_id', 'channel', 'campaign_id', 'canvas_id', 'canvas_step_id',
    'variation_id', 'campaign_name', 'audience', 'tier', 'tier_now', 'is_tier_known', 'stage',
    'message_date', 'message_week', 'started_at', 'reached_at',
    'window_ends_at',
] -%}

-- a view: each message was written once, and few have a conversion
with sent as (

    select *
    from {{ ref('sent_messages') }}

),

conversions as (

    select
        message_key,
        count(*) as conversions,
        min(converted_at) as converted_at,
        {{ any_true('is_after_open') }} as is_converted_after_open,
        {{ any_true('is_after_click') }} as is_converted_after_click,
        count(case when is_last_message then 1 end) as last_conversions,
        count(case when is_last_message and verified_state = 'verified' then 1 end)
            as last_verified,
        count(case when is_last_message and verified_state = 'pending' then 1 end) as last_pending,
        round(sum(case when is_last_message then coalesce(verified_value, 0) else 0 end), 4)
            as last_verified_value
    from {{ ref('message_conversions') }}
    group by message_key

),

-- which version of its rule an audience had from plan to plan; of plans of one moment the
-- ledger's last
versions as (

    select
        counts.audience,
        counts.rule_version,
        plans.as_of as valid_from,
        coalesce(
            lead(plans.as_of) over (
                partition by counts.audience
                order by plans.as_of, coalesce(plans.ledger_no, 0), plans.plan_id
            ),
            {{ far_future() }}
        ) as valid_to
    from {{ ref('stg_sync__plan_counts') }} as counts
    inner join {{ ref('stg_sync__plans') }} as plans on counts.plan_id = plans.plan_id
    where counts.outcome = 'members'

),

final as (

    select
        sent.{{ columns | join(', sent.') }},
        versions.rule_version as audience_rule_version,
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
        sent.cost
    from sent
    left join conversions on sent.message_key = conversions.message_key
    left join versions
        on sent.audience = versions.audience
        and sent.started_at >= versions.valid_from
        and sent.started_at < versions.valid_to

)

select * from final
