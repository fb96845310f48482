{#
    The config of a model that is built by day from the GA4 export. `meta` is what its rows depend
    on beside the export. `retyped` is an expression for columns whose types may change. `more` has
    further keys. The model's body says which days it builds, see macros/dialect/incremental.sql.
#}
{% macro built_by_day(meta={}, retyped=none, more={}) %}
    {{ return(dict({
        'materialized': 'incremental',
        'incremental_strategy': overwrite_days_strategy(),
        'on_schema_change': 'append_new_columns',
        'partition_by': partitioned_by_day('event_date'),
        'partitions': [],
        'pre_hook': ['{{ ga4_forget_days() }}']
        + (['{{ ga4_retype_columns(' ~ retyped ~ ') }}'] if retyped else []),
        'post_hook': '{{ ga4_record_days() }}',
        'meta': dict({'overwritten_by': 'event_date'}, **meta),
    }, **more)) }}
{% endmacro %}
