{# By what messages are added up, and which columns each of these says. #}
{% macro message_breakdowns() %}
    {{ return({
        'channel': ['channel'],
        'week': ['channel', 'message_week'],
        'campaign': ['channel', 'campaign_id'],
        'campaign_week': ['channel', 'campaign_id', 'message_week'],
        'campaign_tier': ['channel', 'campaign_id', 'tier'],
        'step': ['channel', 'campaign_id', 'canvas_step_id'],
        'variant': ['channel', 'campaign_id', 'canvas_step_id', 'variation_id'],
        'tier': ['channel', 'tier'],
        'tier_week': ['channel', 'tier', 'message_week'],
        'audience': ['channel', 'audience'],
        'audience_week': ['channel', 'audience', 'message_week'],
    }) }}
{% endmacro %}


{#
    The dimensions of the breakdowns with their types;
    one that a breakdown does not say is null in its rows.
#}
{% macro message_dimensions() %}
    {{ return({
        'channel': 'string', 'campaign_id': 'string', 'canvas_step_id': 'string',
        'variation_id': 'string', 'tier': 'string', 'audience': 'string',
        'message_week': 'date',
    }) }}
{% endmacro %}


{#
    Rows of one relation added up by every breakdown. `measures`: column → the aggregate.
    A breakdown by audience has only rows that have one.
#}
{% macro by_breakdown(relation, measures) -%}
    {%- for breakdown, columns in message_breakdowns().items() %}
    select
        '{{ breakdown }}' as breakdown,
        {%- for name, type in message_dimensions().items() %}
        {{ name if name in columns else 'cast(null as ' ~ type ~ ') as ' ~ name }},
        {%- endfor %}
        {%- for name, aggregate in measures.items() %}
        {{ aggregate }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }}
    {%- if 'audience' in columns %}
    where audience is not null
    {%- endif %}
    group by {{ columns | join(', ') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
