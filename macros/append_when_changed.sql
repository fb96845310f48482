{#
    Materialization for a log, which cannot be made again. The rows that the model selects are
    appended when one of its inputs changed, also with `--full-refresh`. The model selects only what
    the log does not have yet; `logged()` is the log, none before the first build. The rows are
    appended from a table of their own, because GoogleSQL does not take every selection within an
    insert.
#}
{% materialization append_when_changed, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set made_of = fingerprint_of_model(sql) -%}
    {{ run_hooks(pre_hooks) }}
    {% if has_fingerprint(existing, made_of) %}
        {% call noop_statement('main', 'UNCHANGED') %}{% endcall %}
    {% elif existing is none %}
        {% call statement('main') %}create table {{ target_relation }} as {{ sql }}{% endcall %}
        {% do persist_docs(target_relation, model) %}
        {% do remember_fingerprint(made_of) %}
    {% else %}
        {%- set names = adapter.get_columns_in_relation(existing) | map(attribute='quoted')
            | join(', ') -%}
        {%- set selected = scratch_relation('selected') -%}
        {% do run_query(create_scratch_table_as(selected, sql)) %}
        {% call statement('main') %}
            insert into {{ target_relation }} ({{ names }}) select {{ names }} from {{ selected }}
        {% endcall %}
        {% do run_query('drop table ' ~ selected) %}
        {% do remember_fingerprint(made_of) %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{# The log that the model appends to, as it is before the build. #}
{% macro logged() %}{{ return(load_relation(this) if execute else none) }}{% endmacro %}
