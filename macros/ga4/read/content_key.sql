{# All parameters as one key, where they have to tell hits apart. #}
{% macro ga4_content_key() -%}
    case
        when hit_number is null and batch_event_index is null
            then {{ md5_hex(ga4_params_as_text()) }}
    end
{%- endmacro %}

{#
    A parameter without a value is written in two ways: no structure, or one of nothing.
    They are the same here.
#}
{% macro ga4_params_as_text() %}
    {% set shape = ga4_fields('key text whole:int64 number:float64 double:float64') %}
    {% set plain = ga4_struct(shape, {
        'key': 'param.key', 'text': 'param.value.string_value',
        'whole': 'param.value.int_value', 'number': 'param.value.float_value',
        'double': 'param.value.double_value',
    }) %}
    {{ return(
        "coalesce(" ~ ga4_list_as_text(ga4_list(plain, 'param', 'event_params', 'true')) ~ ", '[]')"
    ) }}
{% endmacro %}

{% macro ga4_list_as_text(list) %}
    {{ return(adapter.dispatch('ga4_list_as_text', 'madang')(list)) }}
{% endmacro %}

{% macro default__ga4_list_as_text(list) %}
    {{ return('to_json_string(' ~ list ~ ')') }}
{% endmacro %}

{% macro duckdb__ga4_list_as_text(list) %}{{ return('cast(' ~ list ~ ' as string)') }}{% endmacro %}
