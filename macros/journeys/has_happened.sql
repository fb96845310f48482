{#
    The condition that keeps what lies after the run's clock away. Where none of the relations holds such a row it says nothing of the clock, so that the
    table need not be built again only because time went by.
#}
{% macro has_happened(column, relations) %}
    {%- set counts = [] -%}
    {%- for relation in relations if execute and model.resource_type == 'model' and load_relation(relation) is not none -%}
        {%- do counts.append('select count(*) as later from ' ~ relation ~ ' where ' ~ column ~ ' > ' ~ as_of()) -%}
    {%- endfor -%}
    {%- if counts | length == relations | length -%}
        {%- set later = run_query('select sum(later) from (' ~ counts | join(' union all ') ~ ') as counted').rows[0][0] -%}
    {%- endif -%}
    {{- column ~ ' is not null' if later == 0 else column ~ ' <= ' ~ as_of() -}}
{% endmacro %}
