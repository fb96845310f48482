{{ config(materialized='view') }}
{%- set moments = {
    'sent': "outcome = 'sent'",
    'delivered': "outcome = 'delivered'",
    'viewed': "outcome = 'viewed'",
    'opened': "outcome in ('opened', 'read') and not is_machine_open",
    'clicked': "outcome = 'clicked' and not is_bot_click",
    'machine_opened': "is_machine_open",
    'bot_clicked': "outcome = 'clicked' and is_bot_click",
    'replied': "outcome = 'replied'",
    'dismissed': "outcome = 'dismissed'",
    'bounced': "outcome in ('bounced', 'soft_bounced')",
    'failed': "outcome in ('failed', 'rejected', 'aborted')",
    'complained': "outcome = 'marked_as_spam'",
    'unsubscribed': "outcome = 'unsubscribed'",
} -%}
{%- set named = ['campaign_id', 'canvas_id', 'canvas_step_id', 'variation_id'] -%}

-- what became of each message that Braze sent, in the columns that every sender's messages have;
-- a view, so that messages are written once
with events as (

    select
        coalesce(messages.dispatch_id, placed.message_ref) as message_ref,
        messages.current_user_id,
        messages.braze_user_id,
        messages.channel,
        messages.outcome,
        messages.{{ named | join(', messages.') }},
        messages.is_machine_open,
        messages.is_bot_click,
        messages.event_at
    from {{ ref('stg_braze__messages') }} as messages
    left join {{ ref('braze_placed_events') }} as placed
        on messages.event_id = placed.event_id
    where
        not (messages.is_test or messages.is_deleted)
        and {{ has_happened('event_at', [ref('stg_braze__messages')]) }}

    union all

    -- who leaves by the link of a message without an event of that message
    select
        coalesce(subscriptions.dispatch_id, placed.message_ref) as message_ref,
        subscriptions.current_user_id,
        subscriptions.braze_user_id,
        subscriptions.channel,
        'unsubscribed' as outcome,
        cast(null as string) as {{ named | join(', cast(null as string) as ') }},
        false as is_machine_open,
        false as is_bot_click,
        subscriptions.event_at
    from {{ ref('stg_braze__subscriptions') }} as subscriptions
    left join {{ ref('braze_placed_events') }} as placed
        on subscriptions.event_id = placed.event_id
    where
        not (subscriptions.is_test or subscriptions.is_deleted)
        and subscriptions.status = 'unsubscribed'
        and coalesce(subscriptions.campaign_id, subscriptions.canvas_id) is not null
        and (subscriptions.dispatch_id is not null or placed.has_sending)
        and {{ has_happened('event_at', [ref('stg_braze__subscriptions')]) }}

),

grouped as (

    select
        message_ref,
        current_user_id,
        channel,
        min(case when braze_user_id <> current_user_id then braze_user_id end) as merged_user_id,
        min(event_at) as first_event_at,
        {% for name in named -%}
        min({{ name }}) as {{ name }},
        {% endfor -%}
        {% for name, condition in moments.items() -%}
        min(case when {{ condition }} then event_at end) as {{ name }}_at,
        {% endfor -%}
        {% for name in ['opened', 'clicked'] -%}
        max(case when {{ moments[name] }} then event_at end) as last_{{ name }}_at,
        {% endfor -%}
        {% for name, count in {
            'sent': 'sends', 'viewed': 'views', 'opened': 'opens', 'clicked': 'clicks'
        }.items() -%}
        count(case when {{ moments[name] }} then 1 end) as {{ count }}{{ ',' if not loop.last }}
        {% endfor -%}
    from events
    group by message_ref, current_user_id, channel

),

persons as (

    select record_id, person_id
    from {{ ref('record_persons') }}
    where source = 'braze'

),

final as (

    select
        {{ braze_message_key('grouped') }} as message_key,
        'braze' as sender,
        coalesce(persons.person_id, merged_persons.person_id) as person_id,
        grouped.channel,
        grouped.{{ named | join(', grouped.') }},
        {% for name in moments -%}
        grouped.{{ name }}_at,
        {% endfor -%}
        grouped.first_event_at,
        grouped.last_opened_at,
        grouped.last_clicked_at,
        grouped.sends,
        grouped.views,
        grouped.opens,
        grouped.clicks
    from grouped
    left join persons on grouped.current_user_id = persons.record_id
    left join persons as merged_persons on grouped.merged_user_id = merged_persons.record_id

)

select * from final
