{#
    Which landed rows are known: those of files loaded until var('known_at'),
    so that a build shows what was known then. Without it, all.
#}
{% macro known_by_then() %}
    {%- set moment = var('known_at', none) -%}
    {%- if moment -%}
        _loaded_at <= {{ timestamp_from_text(text_literal(moment)) }}{%- else -%}true
    {%- endif -%}
{% endmacro %}
