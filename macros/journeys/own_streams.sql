{#
    The staging models of a company that go into the stream: those that `madang_streams` names, each
    with its `meta.stream`. While dbt parses, the variable says which models are read. Their YAML is
    known only when dbt runs. Unit tests read Madang's own sources only.
#}
{% macro own_streams() %}
    {%- set found = [] -%}
    {%- for name in var('madang_streams', [])
        if not (execute and model.resource_type == 'unit_test') -%}
        {%- do ref(name) -%}
        {%- for node in (graph.nodes.values() if execute else [])
            if node.resource_type == 'model' and node.name == name -%}
            {%- if not node.config.meta.get('stream') -%}
                {%- do exceptions.raise_compiler_error(
                    "madang_streams names " ~ name
                    ~ ", whose YAML has no config.meta.stream: say there what its columns are "
                    ~ "(docs/loading.md)."
                ) -%}
            {%- endif -%}
            {%- do found.append(dict(node.config.meta.stream, model=name)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{# A text, or a column ({column: name}) as a text; null where it is not given. #}
{% macro stream_text(field) -%}
    {%- if field is mapping -%} cast({{ field.column }} as string)
    {%- elif field is none or field is undefined -%} cast(null as string)
    {%- else -%} {{ text_literal(field) }}
    {%- endif -%}
{%- endmacro %}
