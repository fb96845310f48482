{#
    What a row says beside its key, as JSON text whose values are texts: the columns that the sync names (`columns`), each from a column of `customers` or from the permit.
    `permits`, `customers` and `key` are expressions of the model. Dates are the project's wall clock, because such a column has no zone.
#}
{% macro sync_row(permits, customers, key) -%}
    {%- set rule = madang.sync_rule() -%}
    {%- set values = {rule.get('key_column', 'SubscriberKey'): key} -%}
    {%- for name, column in rule.get('columns', {}).items() -%}
        {%- set of = permits if column['from'] in ('audience', 'channel', 'person_id') else customers -%}
        {%- do values.update({name: madang.sync_row_value(of ~ '.' ~ column['from'], column.get('type', 'Text'))}) -%}
    {%- endfor -%}
    {{ madang.json_object(values) }}
{%- endmacro %}


{% macro sync_row_value(expression, type) -%}
    {%- if type == 'Date' -%}
    {{ madang.local_time_text(expression) }}
    {%- elif type == 'Decimal' -%}
    {{ madang.float_text(expression) }}
    {%- else -%}
    cast({{ expression }} as string)
    {%- endif -%}
{%- endmacro %}


{# The names of the syncs that send this model, as texts; one that none has where there is no such sync. #}
{% macro sync_names() -%}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- for exposure in graph.get('exposures', {}).values() if exposure.config.meta.get('sync', {}).get('model') == model.name -%}
            {%- do names.append(exposure.name) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ madang.text_literals(names or ['']) }}
{%- endmacro %}


{# The journeys that the sync names, and after how many days a person may enter again (null: never). One without a name where there are none. #}
{% macro sync_journeys() -%}
    {%- for journey, rule in madang.sync_rule().get('journeys', {'': {}}).items() %}
    select {{ madang.text_literal(journey) }} as journey, cast({{ rule.get('again_after_days') or 'null' }} as int64) as again_after_days
    {{- ' union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
