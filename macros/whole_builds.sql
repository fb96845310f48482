{#
    What the last whole build was made of is noted by `madang build`, in `whole_builds` of the ledger: the next one leaves out what cannot have changed since.
    Every run of dbt deletes the note before it changes anything. So everything is checked after plain dbt, a selection, or a run that was killed or failed.
    Without looking whether it is there: to BigQuery that is one request, and no query.
#}
{% macro forget_whole_build() %}
    {% if execute and flags.WHICH not in ['compile', 'generate', 'list', 'parse', 'show'] %}
        {% do adapter.drop_relation(api.Relation.create(
            database=target.database, schema=target.schema ~ '_ledger', identifier='whole_builds', type='table'
        )) %}
    {% endif %}
    {{ return('') }}
{% endmacro %}
