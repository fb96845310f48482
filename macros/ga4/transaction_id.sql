{# A transaction id that names an order; null for what shops and GA4 write where there is none. #}
{% macro real_transaction_id(expression) -%}
    nullif(nullif(trim({{ expression }}), ''), '(not set)')
{%- endmacro %}
