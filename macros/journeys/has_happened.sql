{#
    Whether no row of the relations has the column after the run's clock. Not known before they are
    there, nor at a sending (madang/sync/now.py), which asks newer rows than theirs.
#}
{% macro nothing_lies_ahead(column, relations) %}
    {%- set is_sending = 'tag:at_sending' in (invocation_args_dict.get('select') or []) -%}
    {%- set counts = [] -%}
    {%- for relation in relations
        if execute
        and not is_sending
        and model.resource_type == 'model'
        and load_relation(relation) is not none -%}
        {%- do counts.append(
            'select count(*) as later from ' ~ relation ~ ' where ' ~ column ~ ' > ' ~ as_of()
        ) -%}
    {%- endfor -%}
    {%- if counts | length == relations | length -%}
        {%- set later = run_query(
            'select sum(later) from (' ~ counts | join(' union all ') ~ ') as counted'
        ).rows[0][0] -%}
    {%- endif -%}
    {{ return(later == 0) }}
{% endmacro %}


{#
    A condition that excludes what lies after the run's clock. Where no relation has such a row, the
    condition does not name the clock. So the table is not built again only because time passed.
#}
{% macro has_happened(column, relations) %}
    {{- column ~ ' is not null' if nothing_lies_ahead(column, relations)
        else column ~ ' <= ' ~ as_of() -}}
{% endmacro %}
