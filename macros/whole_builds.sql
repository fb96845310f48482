{#
    `madang build` notes what the last whole build was made of, in `whole_builds` of the ledger. The
    next build leaves out what cannot have changed since. Every run of dbt deletes the note before
    it changes anything. So all is checked after plain dbt, a selection, or a run that failed or was
    killed.

    It does not ask whether the table is there: on BigQuery this is one request and no query.
#}
{% macro forget_whole_build() %}
    {% if execute and flags.WHICH not in ['compile', 'generate', 'list', 'parse', 'show'] %}
        {% do adapter.drop_relation(api.Relation.create(
            database=target.database, schema=target.schema ~ '_ledger',
            identifier='whole_builds', type='table'
        )) %}
    {% endif %}
    {{ return('') }}
{% endmacro %}
