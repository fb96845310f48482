{#
    Where the landed tables are, and what was sent and erased. A build elsewhere (of a developer, of
    a pull request) reads the real ones by `raw_schema` and `ledger_schema`, and writes neither.
#}
{% macro raw_schema() %}
    {{ return(var('raw_schema', none) or target.schema ~ '_raw') }}
{% endmacro %}


{% macro ledger_schema() %}
    {{ return(var('ledger_schema', none) or target.schema ~ '_ledger') }}
{% endmacro %}
