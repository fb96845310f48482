{#
    The items of a catalog, one row an item of `relation`: `item_id`, `catalog` and `fields` of the sync say what of it is sent. A column
    that the project declares as personal (`meta.pii`) is refused, because items are sent without asking for a consent.
#}
{% macro sync_catalog_items(relation) -%}
    {%- set rule = madang.sync_rule() or {'catalog': '', 'item_id': 'null', 'fields': {}} -%}
    {%- set values, used = {}, [rule.item_id] -%}
    {%- for name, field in rule.fields.items() -%}
        {%- set column = field.get('from') or name -%}
        {%- do used.append(column) -%}
        {%- do values.update({name: madang.sync_catalog_value(column, field.get('type', 'string'))}) -%}
    {%- endfor -%}
    {%- for column in madang.personal_columns(relation) if column | lower in used | map('lower') | list -%}
        {{ exceptions.raise_compiler_error(
            model.name ~ ': the column ' ~ column ~ ' of ' ~ relation.identifier ~ ' is personal, and a catalog is of no persons.'
        ) }}
    {%- endfor -%}
    select
        cast({{ rule.item_id }} as string) as sync_key,
        {{ madang.text_literal(rule.catalog) }} as field,
        {{ madang.json_object(values) if values else "'{}'" }} as value,
        case when {{ rule.item_id }} is null then 'no_item_id' end as held_back_reason
    from {{ relation }}
{%- endmacro %}


{# The columns of a model, seed, snapshot or source that the project declares as personal. It is found by its place: a name may be an alias. #}
{% macro personal_columns(relation) %}
    {% set found = [] %}
    {% for node in (graph.nodes.values() | list + graph.sources.values() | list if execute else [])
        if (node.get('identifier') or node.get('alias')) == relation.identifier and node.schema == relation.schema %}
        {% for column in node.columns.values() if column.config.meta.get('pii') or column.meta.get('pii') %}
            {% do found.append(column.name) %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


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
