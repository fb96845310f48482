{# What can become of a message; each has a column `<name>_at` with the first time. #}
{% macro message_moments() %}
    {{ return([
        'sent', 'delivered', 'viewed', 'opened', 'clicked', 'machine_opened', 'bot_clicked',
        'replied', 'dismissed', 'bounced', 'failed', 'complained', 'unsubscribed',
    ]) }}
{% endmacro %}
