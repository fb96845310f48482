{#
    Notes on the reading of an event: what could not be read as it should be, and what was masked. A
    note is `<field>:<cause>`, with a space between two. It is null for almost every event.
    ga4_reading_notes counts them by day. They have no values.
#}
{% macro ga4_possible_notes() %}
    {% set texts = ['user_id'] + ga4_personal_texts() + ga4_item_texts() %}
    {% set numbers, notes = ['purchase_revenue', 'refund_value'] + ga4_item_numbers(), [] %}
    {% for name, type in ga4_params().items() if type != 'string' %}
        {% do numbers.append(ga4_param_column(name) | trim) %}
    {% endfor %}
    {% for name, type in var('ga4_user_properties').items() if type != 'string' %}
        {% do numbers.append('user_' ~ name) %}
    {% endfor %}
    {% for name, type in var('ga4_item_params').items() if type != 'string' %}
        {% do numbers.append(name) %}
    {% endfor %}
    {% for text in texts %}{% do notes.append(text_literal(text ~ ':personal_data')) %}{% endfor %}
    {% for number in numbers %}
        {% for cause in ['not_a_number', 'not_finite', 'too_large'] %}
            {% do notes.append(text_literal(number ~ ':' ~ cause)) %}
        {% endfor %}
    {% endfor %}
    {{ return(notes | unique | list) }}
{% endmacro %}


{# Why a value gives no number; null where there is none. Asked where the number is null. #}
{% macro ga4_why_unread(text, whole, number) -%}
    case
        when {{ text }} is not null
            then case
                when {{ regex_matches(
                    'lower(' ~ text ~ ')', '^\\s*[+-]?(?:nan|inf|infinity)\\s*$'
                ) }}
                    then 'not_finite'
                else 'not_a_number'
            end
        when {{ whole }} is not null then 'too_large'
        when {{ number }} between -1.7e308 and 1.7e308 then 'too_large'
        when {{ number }} is not null then 'not_finite'
    end
{%- endmacro %}


{#
    The numbers of an event that are read from outside, by column:
    an expression for why it could not be read.
#}
{% macro ga4_numbers_of_events() %}
    {% set numbers = {} %}
    {% for name, type in ga4_params().items() if type != 'string' %}
        {% do numbers.update({ga4_param_column(name) | trim: ga4_param(name, 'why')}) %}
    {% endfor %}
    {% for name, type in var('ga4_user_properties').items() if type != 'string' %}
        {% do numbers.update({'user_' ~ name: ga4_param_in('user_properties', name, 'why')}) %}
    {% endfor %}
    {% for name in ['purchase_revenue', 'refund_value'] %}
        {% do numbers.update({
            name: ga4_why_unread('cast(null as string)', 'cast(null as int64)', 'exported_' ~ name)
        }) %}
    {% endfor %}
    {{ return(numbers) }}
{% endmacro %}


{# What has to be at hand beside the columns to say so, each with a comma before it. #}
{% macro ga4_columns_for_notes() %}
    {%- if var('ga4_user_properties').values() | reject('equalto', 'string') | list -%}
    ,
        user_properties
    {%- endif -%}
    ,
        event_params,
        ecommerce.purchase_revenue as exported_purchase_revenue,
        ecommerce.refund_value as exported_refund_value
    {{- ga4_param_columns_for_notes() -}}
{% endmacro %}

{% macro ga4_param_columns_for_notes() -%}
    {{ adapter.dispatch('ga4_param_columns_for_notes', 'madang')() }}
{%- endmacro %}

{% macro default__ga4_param_columns_for_notes() %}{% endmacro %}

{% macro duckdb__ga4_param_columns_for_notes() -%}
    ,
        param_strings,
        param_ints
    {%- for name, type in ga4_params().items() if type != 'string' -%}
    ,
        place_of_{{ name }}
    {%- endfor -%}
{%- endmacro %}


{#
    The notes of an event on its numbers.
    On almost every event all of them can be read, which is seen first.
#}
{% macro ga4_notes_on_numbers() -%}
    {%- set numbers = ga4_numbers_of_events() -%}
    case
        when
            {% for column in numbers -%}
            {{ ga4_may_be_unread(column) }}
            {{- ' or ' if not loop.last }}
            {% endfor -%}
            then nullif(concat(
                {%- for column, why in numbers.items() %}
                {{ ga4_note(column, column ~ ' is null', why) }}{{ ',' if not loop.last }}
                {%- endfor %}
            ), '')
    end
{%- endmacro %}

{% macro ga4_note(field, condition, cause) -%}
    case when {{ condition }} then coalesce('{{ field }}:' || {{ cause }} || ' ', '') else '' end
{%- endmacro %}


{# A cheap look whether a column is null although there was something to read. #}
{% macro ga4_may_be_unread(column) %}
    {{ return(adapter.dispatch('ga4_may_be_unread', 'madang')(column)) }}
{% endmacro %}

{% macro default__ga4_may_be_unread(column) %}{{ return(column ~ ' is null') }}{% endmacro %}

{% macro duckdb__ga4_may_be_unread(column) %}
    {% for name in ga4_params() if ga4_param_column(name) | trim == column %}
        {{ return('place_of_' ~ name ~ ' is not null and ' ~ column ~ ' is null') }}
    {% endfor %}
    {% if column in ['purchase_revenue', 'refund_value'] %}
        {{ return('exported_' ~ column ~ ' is not null and ' ~ column ~ ' is null') }}
    {% endif %}
    {{ return('len(user_properties) > 0 and ' ~ column ~ ' is null') }}
{% endmacro %}


{# The notes on what was masked, after those on the numbers. #}
{% macro ga4_notes_on_masked(texts, notes=none) -%}
    nullif(concat(
        {% if notes %}coalesce({{ notes }}, ''),{% endif %}
        {%- for text in texts %}
        case
            when {{ ga4_is_personal(text) }} then '{{ text }}:personal_data '
            else ''
        end{{ ',' if not loop.last }}
        {%- endfor %}
    ), '')
{%- endmacro %}


{# The same of an item's numbers; `item` is the item as the export has it. #}
{% macro ga4_notes_on_item_numbers() -%}
    nullif(concat(
        {%- for name, type in var('ga4_item_params').items() if type != 'string' %}
        {{ ga4_note(name, name ~ ' is null', ga4_param_in('item.item_params', name, 'why')) }},
        {%- endfor %}
        {%- for name in ga4_item_numbers() %}
        {%- set why = ga4_why_unread(
            'cast(null as string)', 'cast(null as int64)', 'item.' ~ name
        ) %}
        {{ ga4_note(
            name, name ~ ' is null and item.' ~ name ~ ' is not null', why
        ) }}{{ ',' if not loop.last }}
        {%- endfor %}
    ), '')
{%- endmacro %}
