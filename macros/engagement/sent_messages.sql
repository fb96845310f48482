{#
    The messages of every sender, with what follows from their channel (seed `message_channels`): when they began, when they reached the person, and for how many hours after
    that a conversion counts. A sender is a model with the columns of `braze_messages`; a new one is one more name in the list.

    A response counts where it is not before the message began. An earlier one has the wrong clock or the wrong message.
#}
{% macro sent_messages() -%}
    {%- set senders = [ref('braze_messages')] -%}
    {%- set kept = [
        'message_key', 'sender', 'person_id', 'channel', 'campaign_id', 'canvas_id', 'canvas_step_id', 'variation_id', 'sends', 'views', 'opens', 'clicks', 'first_event_at', 'started_at',
        'window_hours',
    ] -%}
    select
        {{ kept | join(', ') }},
        {%- for moment in message_moments() if moment not in ['opened', 'clicked'] %}
        {{ moment }}_at,
        {%- endfor %}
        {%- for response in ['opened', 'clicked'] %}
        case
            when started_at is null or {{ response }}_at >= started_at then {{ response }}_at
            when last_{{ response }}_at >= started_at then last_{{ response }}_at
        end as {{ response }}_at,
        {%- endfor %}
        coalesce(opened_at < started_at, false) or coalesce(clicked_at < started_at, false) as has_early_response,
        -- what did not begin reached no one
        case
            when started_at is null then null
            when reached_by = 'delivered' then delivered_at
            when reached_by = 'viewed' then viewed_at
            when coalesce(bounced_at, failed_at) is null then sent_at
        end as reached_at
    from (
        select
            sent.*,
            case channels.starts_with when 'viewed' then sent.viewed_at else sent.sent_at end as started_at,
            channels.reached_by,
            channels.window_hours
        from (
            {%- for sender in senders %}
            select *
            from {{ sender }}
            {{- ' union all' if not loop.last }}
            {%- endfor %}
        ) as sent
        left join {{ list_of('message_channels') }} as channels
            on sent.channel = channels.channel
            and coalesce(channels.conversion_type, '') = ''
    ) as begun
{%- endmacro %}


{# What can become of a message; each has a column `<name>_at` with the first time. #}
{% macro message_moments() %}
    {{ return([
        'sent', 'delivered', 'viewed', 'opened', 'clicked', 'machine_opened', 'bot_clicked', 'replied', 'dismissed', 'bounced', 'failed', 'complained', 'unsubscribed',
    ]) }}
{% endmacro %}
