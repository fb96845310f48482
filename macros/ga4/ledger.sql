{#
    The ledger of days: which model has which day of which property, and from which shard. A table
    that is built by day asks it which days to build, and writes into it afterwards.

    There is one rule: a day is built again where its input differs from what the table was built
    from. It covers late, restated and backfilled days, intraday days that become daily, failed runs
    and changed rules.
#}
{% macro ga4_days_ledger() %}
    {{ return(adapter.get_relation(
        database=target.database, schema=target.schema ~ '_ledger', identifier='ga4_built_days'
    )) }}
{% endmacro %}


{#
    Before a model that is built day by day:
    one that is built from nothing has forgotten what it held.
#}
{% macro ga4_forget_days() %}
    {%- if execute and ga4_days_ledger() is not none and not is_incremental() -%}
        delete from {{ ga4_days_ledger() }} where model = '{{ this.identifier }}'
    {%- endif -%}
{% endmacro %}


{#
    After it: the days that were built, and from what. The events get a new revision,
    by which the tables that read them see that they must read them again.
#}
{% macro ga4_record_days() %}
    {%- set ledger = ga4_days_ledger() if execute else none -%}
    {%- if ledger is not none and this.identifier == 'base_ga4__events' -%}
        {%- set differing -%}
        select
            property_id, event_date, fingerprint, shard_kind, suffix, bytes, row_count, modified_at,
            '{{ invocation_id }}' as revision
        from ({{ ga4_shards_that_differ(ref('base_ga4__shards'), ledger) }}) as differing
        {%- endset -%}
        {{ ga4_days_recorded(
            differing, ['shard_kind', 'suffix', 'bytes', 'row_count', 'modified_at']
        ) }}
    {%- elif ledger is not none -%}
        {{ ga4_days_recorded(ga4_days_that_differ(ledger)) }}
    {%- endif -%}
{% endmacro %}

{% macro ga4_days_recorded(differing, further_columns=[], model_name=none) -%}
    {%- set columns = ['fingerprint', 'revision'] + further_columns -%}
    {%- set model_name = model_name or this.identifier -%}
    merge into {{ ga4_days_ledger() }} as built
    using (
        {{ differing }}
    ) as wanted
        on built.model = '{{ model_name }}'
        and built.property_id = wanted.property_id
        and built.event_date = wanted.event_date
    when matched then update set
        {% for column in columns %}{{ column }} = wanted.{{ column }}, {% endfor -%}
        run_id = '{{ invocation_id }}',
        built_at = {{ as_of() }}
    when not matched
        then insert (model, property_id, event_date, {{ columns | join(', ') }}, run_id, built_at)
    values (
        '{{ model_name }}', wanted.property_id, wanted.event_date,
        {% for column in columns %}
        wanted.{{ column }},
        {% endfor %}'{{ invocation_id }}', {{ as_of() }}
    )
{%- endmacro %}
