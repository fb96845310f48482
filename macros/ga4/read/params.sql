{#
    The parameters that the models themselves need, with their types.
    Companies add theirs in var('ga4_params').
#}
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
        'traffic_type': 'string',
        'debug_mode': 'string',
    } %}
    {% for name, type in var('ga4_params').items() %}
        {% if params.get(name, type) != type %}
            {% do exceptions.raise_compiler_error(
                "var('ga4_params') says '" ~ type ~ "' of '" ~ name
                ~ "', which the models read as '" ~ params[name]
                ~ "'. Leave it out: it is read in any case."
            ) %}
        {% endif %}
        {% do params.update({name: type}) %}
    {% endfor %}
    {{ return(params) }}
{% endmacro %}


{#
    What a parameter's column is called:
    one that is named as another column of the events is told apart.
#}
{% macro ga4_param_column(name) %}
    {%- set also_elsewhere = [
        'transaction_id', 'source', 'medium', 'campaign', 'gclid', 'event_key', 'session_key',
        'event_at', 'event_order', 'page_path', 'is_internal', 'is_debug',
        'is_measurement_protocol', 'has_personal_data', 'reading_notes', 'content_key',
        'hit_number',
    ] + ga4_fixed_columns() + ga4_export_fields().keys() | list -%}
    {{- 'param_' ~ name if name in also_elsewhere else name -}}
{% endmacro %}


{#
    One parameter as a column. A key may have its value in any of four fields, and in another one on
    the next row; `type` decides the result. A key that is there twice counts where it is first. It
    is read from the columns of `ga4_param_lists` and `ga4_param_places`.
#}
{% macro ga4_param(name, type) -%}
    {{ adapter.dispatch('ga4_param', 'madang')(name, type) }}
{%- endmacro %}

{% macro default__ga4_param(name, type) -%}
    {{ ga4_param_in('event_params', name, type) }}
{%- endmacro %}

{% macro duckdb__ga4_param(name, type) -%}
    {%- set at = '[place_of_' ~ name ~ ']' -%}
    case
        when place_of_{{ name }} is not null
            then {{ ga4_value_as(
                type, 'param_strings' ~ at, 'param_ints' ~ at,
                'coalesce(event_params' ~ at ~ '.value.double_value, event_params' ~ at
                ~ '.value.float_value)',
                name
            ) }}
    end
{%- endmacro %}


{#
    The same from any list of keys and values, the plain way:
    for what is rarely there, such as user properties and parameters of items.
#}
{% macro ga4_param_in(list, name, type) -%}
    {{ adapter.dispatch('ga4_param_in', 'madang')(list, name, type) }}
{%- endmacro %}

{% macro default__ga4_param_in(list, name, type) -%}
    (
        select
            {{ ga4_value_as(
                type, 'param.value.string_value', 'param.value.int_value',
                'coalesce(param.value.double_value, param.value.float_value)', name
            ) }}
        from unnest({{ list }}) as param with offset as place
        where param.key = '{{ name }}'
        order by place
        limit 1
    )
{%- endmacro %}

{% macro duckdb__ga4_param_in(list, name, type) -%}
    {%- set value = 'list_filter(' ~ list ~ ", lambda param: param.key = '" ~ name
        ~ "')[1].value" -%}
    {{ ga4_value_as(
        type, value ~ '.string_value', value ~ '.int_value',
        'coalesce(' ~ value ~ '.double_value, ' ~ value ~ '.float_value)', name
    ) }}
{%- endmacro %}


{#
    Columns that `ga4_param` reads beside the export's own, each with a comma before it. DuckDB
    finds keys in lists that are taken apart once per row. The sub-select that BigQuery uses would
    cost it 35 to 120 times the CPU.
#}
{% macro ga4_param_lists() %}{{ adapter.dispatch('ga4_param_lists', 'madang')() }}{% endmacro %}

{% macro default__ga4_param_lists() %}{% endmacro %}

{% macro duckdb__ga4_param_lists() -%}
    ,
        list_transform(event_params, lambda param: hash(param.key)) as param_keys,
        list_transform(event_params, lambda param: param.value.string_value) as param_strings,
        list_transform(event_params, lambda param: param.value.int_value) as param_ints
{%- endmacro %}


{#
    And where in those lists each key is, looked up once:
    within a case DuckDB does not see that three look-ups are one.
#}
{% macro ga4_param_places() %}{{ adapter.dispatch('ga4_param_places', 'madang')() }}{% endmacro %}

{% macro default__ga4_param_places() %}{% endmacro %}

{% macro duckdb__ga4_param_places() -%}
    {%- for name in ga4_params() -%}
    ,
        list_position(param_keys, hash('{{ name }}')) as place_of_{{ name }}
    {%- endfor -%}
{%- endmacro %}
