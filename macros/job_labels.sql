{#
    What every statement of dbt tells about itself, as JSON:
    on BigQuery these become the labels of its job.
#}
{% macro job_labels(node) %}
    {%- set labels = {'app': 'dbt'} -%}
    {%- do labels.update(fromjson(env_var('MADANG_JOB_LABELS', '{}'))) -%}
    {%- if node is not none and node is defined -%}
        {%- do labels.update({'node': node.name}) -%}
    {%- endif -%}
    {{ return(tojson(labels)) }}
{% endmacro %}
