{# The parameters that the models themselves need, with their types. Companies add theirs in var('ga4_params'). #}
{% macro ga4_params() %}
    {% set params = {
        'ga_session_id': 'int64',
        'ga_session_number': 'int64',
        'page_location': 'string',
        'page_title': 'string',
        'page_referrer': 'string',
        'engagement_time_msec': 'int64',
        'session_engaged': 'string',
        'entrances': 'int64',
        'source': 'string',
        'medium': 'string',
        'campaign': 'string',
        'term': 'string',
        'content': 'string',
        'gclid': 'string',
        'value': 'float64',
        'currency': 'string',
        'transaction_id': 'string',
        'method': 'string',
    } %}
    {% do params.update(var('ga4_params')) %}
    {{ return(params) }}
{% endmacro %}


{# What a parameter's column is called; those that the export also has elsewhere are told apart. #}
{% macro ga4_param_column(name) %}
    {%- set also_elsewhere = ['transaction_id', 'source', 'medium', 'campaign', 'gclid'] -%}
    {{- 'param_' ~ name if name in also_elsewhere else name -}}
{% endmacro %}


{# One parameter as a column. A key may hold its value in any of the four fields, and in another one on the next row; `type` decides what it becomes. #}
{% macro ga4_param(name, type) %}{{ adapter.dispatch('ga4_param', 'madang')(name, type) }}{% endmacro %}

{% macro default__ga4_param(name, type) -%}
    (
        select
            {% if type == 'string' -%}
                coalesce(
                    param.value.string_value,
                    cast(param.value.int_value as string),
                    {{ float_text('coalesce(param.value.double_value, param.value.float_value)') }}
                )
            {%- elif type == 'int64' -%}
                coalesce(
                    param.value.int_value,
                    safe_cast(param.value.string_value as int64),
                    cast(coalesce(param.value.double_value, param.value.float_value) as int64)
                )
            {%- else -%}
                coalesce(
                    param.value.double_value,
                    param.value.float_value,
                    cast(param.value.int_value as float64),
                    safe_cast(param.value.string_value as float64)
                )
            {%- endif %}
        from unnest(event_params) as param
        where param.key = '{{ name }}'
        limit 1
    )
{%- endmacro %}

{% macro duckdb__ga4_param(name, type) -%}
    {%- set at = "[list_position(param_keys, '" ~ name ~ "')]" -%}
    {% if type == 'string' -%}
        coalesce(
            param_strings{{ at }},
            cast(param_ints{{ at }} as string),
            {{ float_text('param_doubles' ~ at) }}
        )
    {%- elif type == 'int64' -%}
        coalesce(
            param_ints{{ at }},
            try_cast(param_strings{{ at }} as int64),
            cast(param_doubles{{ at }} as int64)
        )
    {%- else -%}
        coalesce(
            param_doubles{{ at }},
            cast(param_ints{{ at }} as double),
            try_cast(param_strings{{ at }} as double)
        )
    {%- endif %}
{%- endmacro %}


{#
    Columns that `ga4_param` reads beside the export's own, each with a comma before it. DuckDB looks keys up in lists that are taken apart once a row:
    the sub-select that is natural on BigQuery costs it 35 to 120 times the CPU.
#}
{% macro ga4_param_lists() %}{{ adapter.dispatch('ga4_param_lists', 'madang')() }}{% endmacro %}

{% macro default__ga4_param_lists() %}{% endmacro %}

{% macro duckdb__ga4_param_lists() -%}
    ,
        list_transform(event_params, lambda param: param.key) as param_keys,
        list_transform(event_params, lambda param: param.value.string_value) as param_strings,
        list_transform(event_params, lambda param: param.value.int_value) as param_ints,
        list_transform(
            event_params,
            lambda param: coalesce(param.value.double_value, param.value.float_value)
        ) as param_doubles
{%- endmacro %}
