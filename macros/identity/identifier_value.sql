{#
    How an identifier is stored: personal ones as SHA-256 of their normalised form,
    the others as they are. `plain` is normalised already.
#}
{% macro identifier_value(type, plain) -%}
    case when {{ type }} in ('email', 'phone') then {{ sha256_hex(plain) }} else {{ plain }} end
{%- endmacro %}
