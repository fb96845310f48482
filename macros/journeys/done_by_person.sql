{#
    Whether an activity is something that the person did:
    not a message that went out, nor what became of it without them, nor the company's answer.
#}
{% macro done_by_person(action) -%}
    {{ action }} not in (
        'message_sent', 'message_delivered', 'message_bounced', 'message_soft_bounced',
        'message_failed', 'campaign_control', 'inquiry_answered', 'inquiry_closed',
        'lead_converted', 'opportunity_created', 'opportunity_lost', 'case_closed'
    )
{%- endmacro %}
