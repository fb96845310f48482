{#
    Lists and structures as the export has them. Models make none of their own;
    only the raw reading does.
#}

{# A structure of the given shape; what `values` does not name is null. #}
{% macro ga4_struct(shape, values) %}
    {% set parts = {} %}
    {% for name, field in shape.items() %}
        {% if name not in values %}
            {% do parts.update({name: 'cast(null as ' ~ ga4_type(field) ~ ')'}) %}
        {% elif values[name] is mapping %}
            {% do parts.update({name: ga4_struct(field, values[name])}) %}
        {% elif field is string %}
            {% do parts.update({name: 'cast(' ~ values[name] ~ ' as ' ~ ga4_type(field) ~ ')'}) %}
        {% else %}
            {% do parts.update({name: values[name]}) %}
        {% endif %}
    {% endfor %}
    {{ return(ga4_struct_of(parts)) }}
{% endmacro %}


{# A structure of the given fields, by name. #}
{% macro ga4_struct_of(parts) %}
    {{ return(adapter.dispatch('ga4_struct_of', 'madang')(parts)) }}
{% endmacro %}

{% macro default__ga4_struct_of(parts) %}
    {% set texts = [] %}
    {% for name, expression in parts.items() %}
        {% do texts.append(expression ~ ' as ' ~ name) %}
    {% endfor %}
    {{ return('struct(' ~ texts | join(', ') ~ ')') }}
{% endmacro %}

{% macro duckdb__ga4_struct_of(parts) %}
    {% set texts = [] %}
    {% for name, expression in parts.items() %}
        {% do texts.append('"' ~ name ~ '" := ' ~ expression) %}
    {% endfor %}
    {{ return('struct_pack(' ~ texts | join(', ') ~ ')') }}
{% endmacro %}


{# `expression` of every element for which the condition holds, in order. #}
{% macro ga4_list(expression, element, list, condition) %}
    {{ return(adapter.dispatch('ga4_list', 'madang')(expression, element, list, condition)) }}
{% endmacro %}

{% macro default__ga4_list(expression, element, list, condition) %}
    {{ return(
        'array(select ' ~ expression ~ ' from unnest(' ~ list ~ ') as ' ~ element
        ~ ' with offset as ' ~ element
        ~ '_place where ' ~ condition ~ ' order by ' ~ element ~ '_place)'
    ) }}
{% endmacro %}

{% macro duckdb__ga4_list(expression, element, list, condition) %}
    {{ return(
        'list_transform(list_filter(' ~ list ~ ', lambda ' ~ element ~ ': ' ~ condition
        ~ '), lambda ' ~ element ~ ': '
        ~ expression ~ ')'
    ) }}
{% endmacro %}


{% macro ga4_list_length(list) %}
    {{ return(adapter.dispatch('ga4_list_length', 'madang')(list)) }}
{% endmacro %}

{% macro default__ga4_list_length(list) %}{{ return('array_length(' ~ list ~ ')') }}{% endmacro %}

{% macro duckdb__ga4_list_length(list) %}{{ return('len(' ~ list ~ ')') }}{% endmacro %}


{% macro ga4_empty_list(shape) %}
    {{ return(adapter.dispatch('ga4_empty_list', 'madang')(shape)) }}
{% endmacro %}

{% macro default__ga4_empty_list(shape) %}{{ return(ga4_type([shape]) ~ '[]') }}{% endmacro %}

{% macro duckdb__ga4_empty_list(shape) %}
    {{ return('cast([] as ' ~ ga4_type([shape]) ~ ')') }}
{% endmacro %}


{% macro ga4_joined_lists(lists) %}
    {{ return(adapter.dispatch('ga4_joined_lists', 'madang')(lists)) }}
{% endmacro %}

{% macro default__ga4_joined_lists(lists) %}
    {{ return('array_concat(' ~ lists | join(', ') ~ ')') }}
{% endmacro %}

{% macro duckdb__ga4_joined_lists(lists) %}
    {{ return('list_concat(' ~ lists | join(', ') ~ ')') }}
{% endmacro %}


{% macro ga4_first_of(list) %}
    {{ return(adapter.dispatch('ga4_first_of', 'madang')(list)) }}
{% endmacro %}

{% macro default__ga4_first_of(list) %}{{ return(list ~ '[safe_offset(0)]') }}{% endmacro %}

{% macro duckdb__ga4_first_of(list) %}{{ return(list ~ '[1]') }}{% endmacro %}


{# A row for every element, to be cross joined; in it `name` is the element. #}
{% macro ga4_rows(list, name) %}
    {{ return(adapter.dispatch('ga4_rows', 'madang')(list, name)) }}
{% endmacro %}

{% macro default__ga4_rows(list, name) %}
    {{ return('unnest(' ~ list ~ ') as ' ~ name) }}
{% endmacro %}

{% macro duckdb__ga4_rows(list, name) %}
    {{ return('unnest(' ~ list ~ ') as rows_of_' ~ name ~ '(' ~ name ~ ')') }}
{% endmacro %}
