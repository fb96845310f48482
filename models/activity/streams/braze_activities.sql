{%- set outcomes = [
    'sent', 'delivered', 'viewed', 'opened', 'read', 'clicked', 'dismissed', 'replied', 'bounced',
    'soft_bounced', 'failed', 'marked_as_spam', 'unsubscribed',
] -%}

-- what Braze sent, what people did with it, and what they did in apps;
-- of programs and tests nothing
with persons as (

    select record_id, person_id
    from {{ ref('record_persons') }}
    where source = 'braze'

),

messages as (

    select
        event_id,
        braze_user_id,
        event_at,
        concat('message_', outcome) as action,
        channel as object_type,
        coalesce(campaign_id, canvas_id) as object_id,
        campaign_name as object_name,
        cast(null as {{ float64() }}) as value,
        cast(null as string) as currency
    from {{ ref('stg_braze__messages') }}
    where
        outcome in ({{ text_literals(outcomes) }})
        and not (is_test or is_deleted or is_machine_open or is_bot_click)

),

campaign_events as (

    select
        event_id,
        braze_user_id,
        event_at,
        case outcome when 'converted' then 'campaign_converted' else 'campaign_control' end
            as action,
        case when canvas_id is null then 'campaign' else 'canvas' end as object_type,
        coalesce(campaign_id, canvas_id) as object_id,
        campaign_name as object_name,
        cast(null as {{ float64() }}) as value,
        cast(null as string) as currency
    from {{ ref('stg_braze__campaign_events') }}
    where not (is_test or is_deleted) and (outcome = 'converted' or is_in_control)

),

subscriptions as (

    select
        event_id,
        braze_user_id,
        event_at,
        concat('braze_', status) as action,
        scope as object_type,
        subscription_group_id as object_id,
        channel as object_name,
        cast(null as {{ float64() }}) as value,
        cast(null as string) as currency
    from {{ ref('stg_braze__subscriptions') }}
    where not (is_test or is_deleted) and status in ('subscribed', 'opted_in', 'unsubscribed')

),

custom_events as (

    select
        event_id,
        braze_user_id,
        event_at,
        'did_custom_event' as action,
        'custom_event' as object_type,
        event_name as object_id,
        cast(null as string) as object_name,
        cast(null as {{ float64() }}) as value,
        cast(null as string) as currency
    from {{ ref('stg_braze__behaviors') }}
    where
        behavior = 'custom_event'
        and not (is_test or is_deleted)
        and event_name not in ({{ text_literals(var('braze_events_in_ga4')) }})

),

purchases as (

    select
        event_id,
        braze_user_id,
        event_at,
        'purchased_in_app' as action,
        'product' as object_type,
        product_id as object_id,
        order_id as object_name,
        price as value,
        currency
    from {{ ref('braze_purchases') }}
    where purchase_status = 'counted' and not is_deleted

),

happened as (

    {% for part in [
        'messages', 'campaign_events', 'subscriptions', 'custom_events', 'purchases'
    ] -%}
    select *
    from {{ part }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        {{ surrogate_key(["'braze'", 'happened.event_id']) }} as activity_id,
        persons.person_id,
        cast(null as string) as device_id,
        happened.event_at as occurred_at,
        {{ local_date('happened.event_at') }} as activity_date,
        {{ order_of_micros(micros_of('happened.event_at')) }} as activity_order,
        'braze' as source,
        happened.action,
        happened.object_type,
        happened.object_id,
        happened.object_name,
        happened.value,
        happened.currency,
        cast(null as string) as session_key,
        cast(null as string) as channel_group,
        cast(null as string) as campaign
    from happened
    left join persons on happened.braze_user_id = persons.record_id

)

select * from final
