{#
    The items of a catalog, one row an item of `relation`: `item_id`, `catalog` and `fields` of the sync say what of it is sent. A column that the project declares as personal
    (`meta.pii`) is refused, because items are sent without asking for a consent.
#}
{% macro sync_catalog_items(relation) -%}
    {%- set rule = madang.sync_rule() or {'catalog': '', 'item_id': 'null', 'fields': {}} -%}
    {%- set values, used = {}, [rule.item_id] -%}
    {%- for name, field in rule.fields.items() -%}
        {%- set column = field.get('from') or name -%}
        {%- do used.append(column) -%}
        {%- do values.update({name: madang.sync_catalog_value(column, field.get('type', 'string'))}) -%}
    {%- endfor -%}
    {%- for node in (graph.get('nodes', {}).values() if execute else []) if node.resource_type == 'model' and node.name == relation.identifier -%}
        {%- for column in node.columns.values() if column.name in used and (column.config.meta.get('pii') or column.meta.get('pii')) -%}
            {{ exceptions.raise_compiler_error(model.name ~ ': the column ' ~ column.name ~ ' of ' ~ node.name ~ ' is personal, and a catalog is of no persons.') }}
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
