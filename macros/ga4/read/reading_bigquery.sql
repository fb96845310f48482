{#
    A property's columns on BigQuery as expressions of the wanted types. A wildcard table has the
    columns of its newest table, so that one is asked. A column that fits is only named, so that
    only the used fields are read.
#}
{% macro ga4_columns_of_tables(property, kind, is_exact) %}
    {% set prefix = ga4_shard_prefix(kind) %}
    {% set query %}
        select table_id
        from {{ ga4_source(property, '__TABLES__') }}
        where starts_with(table_id, '{{ prefix }}')
        order by creation_time desc, table_id desc
        limit 1
    {% endset %}
    {% set newest = run_query(query).columns[0].values() %}
    {% set there = {} %}
    {% for column in adapter.get_columns_in_relation(ga4_source(property, newest[0])) %}
        {% do there.update({column.name: column}) %}
    {% endfor %}
    {% set expressions = [] %}
    {% for name, shape in ga4_raw_columns(kind).items() %}
        {% set expression = ga4_field_as(there.get(name), name, shape, is_exact) %}
        {% do expressions.append(
            expression if expression == name else expression ~ ' as ' ~ name
        ) %}
    {% endfor %}
    {{ return(expressions) }}
{% endmacro %}


{#
    A field as an expression of the wanted shape: its path where it fits, else rebuilt from its
    parts. `is_exact` also minds the order of fields and further ones, which `union all` does.
#}
{% macro ga4_field_as(field, path, shape, is_exact) %}
    {% if field is none or field is not defined %}
        {{ return('cast(null as ' ~ ga4_type(shape) ~ ')') }}
    {% endif %}
    {% if ga4_field_fits(field, shape, is_exact) %}{{ return(path) }}{% endif %}
    {% if shape is string %}{{ return('cast(' ~ path ~ ' as ' ~ shape ~ ')') }}{% endif %}
    {% set is_list = shape is not mapping %}
    {% set parts = [] %}
    {% set fields = {} %}
    {% for part in field.fields %}{% do fields.update({part.name: part}) %}{% endfor %}
    {% set below = path.split('.')[-1] ~ '_part' if is_list else path %}
    {% for name, part in (shape[0] if is_list else shape).items() %}
        {% do parts.append(
            ga4_field_as(fields.get(name), below ~ '.' ~ name, part, is_exact) ~ ' as ' ~ name
        ) %}
    {% endfor %}
    {% if is_list %}
        {{ return(
            'array(select as struct ' ~ parts | join(', ') ~ ' from unnest(' ~ path ~ ') as '
            ~ below
            ~ ' with offset as place order by place)'
        ) }}
    {% endif %}
    {{ return('if(' ~ path ~ ' is null, null, struct(' ~ parts | join(', ') ~ '))') }}
{% endmacro %}


{% macro ga4_field_fits(field, shape, is_exact) %}
    {% set types = {
        'STRING': 'string', 'INTEGER': 'int64', 'INT64': 'int64',
        'FLOAT': 'float64', 'FLOAT64': 'float64',
        'BOOLEAN': 'bool', 'BOOL': 'bool',
    } %}
    {% set is_list = shape is not string and shape is not mapping %}
    {% set inner = shape[0] if is_list else shape %}
    {% if (field.mode == 'REPEATED') != is_list %}{{ return(false) }}{% endif %}
    {% if inner is string %}
        {{ return(types.get(field.field_type or field.dtype) == inner) }}
    {% endif %}
    {% set fields = {} %}
    {% for part in field.fields %}{% do fields.update({part.name: part}) %}{% endfor %}
    {% if is_exact and fields.keys() | list != inner.keys() | list %}{{ return(false) }}{% endif %}
    {% for name, part in inner.items() %}
        {% if name not in fields or not ga4_field_fits(fields[name], part, is_exact) %}
            {{ return(false) }}
        {% endif %}
    {% endfor %}
    {{ return(true) }}
{% endmacro %}
