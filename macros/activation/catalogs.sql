{#
    The items of a catalog: one row per item of `relation`. `item_id`, `catalog` and `fields` of the
    sync say what is sent. Items are sent without a consent. So a column that the project declares
    as personal (`meta.pii`) is refused, in whatever case the sync writes its name.
#}
{% macro sync_catalog_items(relation) -%}
    {%- set rule = madang.sync_rule() or {'catalog': '', 'item_id': 'null', 'fields': {}} -%}
    {%- set values, used = {}, [rule.item_id | lower] -%}
    {%- for name, field in rule.fields.items() -%}
        {%- set column = field.get('from') or name -%}
        {%- do used.append(column | lower) -%}
        {%- do values.update(
            {name: madang.sync_catalog_value(column, field.get('type', 'string'))}
        ) -%}
    {%- endfor -%}
    {%- set tables = graph.get('nodes', {}).values() | list
        + graph.get('sources', {}).values() | list if execute else [] -%}
    {%- for node in tables
        if (node.get('identifier') or node.get('alias') or '') | lower
        == relation.identifier | lower | replace('__dbt__cte__', '') -%}
        {%- for column in node.columns.values()
            if column.name | lower in used and (
                column.get('config', {}).get('meta', {}).get('pii')
                or column.get('meta', {}).get('pii')
            ) -%}
            {{ exceptions.raise_compiler_error(
                model.name ~ ': the column ' ~ column.name ~ ' of ' ~ node.name
                ~ ' is personal, and a catalog is of no persons.'
            ) }}
        {%- endfor -%}
    {%- endfor -%}
    select
        cast({{ rule.item_id }} as string) as sync_key,
        {{ madang.text_literal(rule.catalog) }} as field,
        {{ madang.json_object(values) if values else "'{}'" }} as value,
        case when {{ rule.item_id }} is null then 'no_item_id' end as held_back_reason
    from {{ relation }}
{%- endmacro %}


{% macro sync_catalog_value(column, type) -%}
    {%- if type == 'number' -%}
    {{ madang.float_text('cast(' ~ column ~ ' as ' ~ madang.float64() ~ ')') }}
    {%- elif type == 'time' -%}
    cast({{ madang.micros_of(column) }} as string)
    {%- elif type == 'boolean' -%}
    lower(cast({{ column }} as string))
    {%- else -%}
    cast({{ column }} as string)
    {%- endif -%}
{%- endmacro %}
