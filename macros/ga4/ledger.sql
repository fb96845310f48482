{#
    The ledger of days: which model holds which day of which property, and from which shard. A table that is built day by day asks it which days it has to
    build, and writes into it when it has. One rule covers late, restated, backfilled and intraday-to-daily days, a run that failed half-way and changed rules:
    a day is built again where the input differs from what the table was built from.
#}
{% macro ga4_days_ledger() %}
    {{ return(adapter.get_relation(
        database=target.database, schema=target.schema ~ '_ledger', identifier='ga4_built_days'
    )) }}
{% endmacro %}


{#
    The shards to read in this run, as a list of {property_id, day, suffix, location, shard_kind}. A first or full build reads all, another one those whose
    fingerprint is not in the ledger. `reprocess_start_date` and `reprocess_end_date` only add days.
#}
{% macro ga4_changed_shards(inventory) %}
    {% if not execute or load_relation(inventory) is none %}{{ return([]) }}{% endif %}
    {% do ga4_refuse_to_lose_days(inventory) %}
    {% set ledger = ga4_days_ledger() if is_incremental() else none %}
    {% set query %}
        select property_id, cast(event_date as string) as day, suffix, location, shard_kind
        from ({{ ga4_shards_that_differ(inventory, ledger) }}) as differing
        order by 2, 1
    {% endset %}
    {% set shards = [] %}
    {% for row in run_query(query).rows %}
        {% do shards.append({
            'property_id': row[0], 'day': row[1], 'suffix': row[2], 'location': row[3], 'shard_kind': row[4],
        }) %}
    {% endfor %}
    {{ return(shards) }}
{% endmacro %}

{# A full refresh makes the events of what the export holds now. Days that it no longer holds, or that cannot be read, are not to be lost by it unawares. #}
{% macro ga4_refuse_to_lose_days(inventory) %}
    {% set ledger = ga4_days_ledger() %}
    {% if flags.WHICH not in ['build', 'run'] or not should_full_refresh() or var('lose_gone_days', false) or ledger is none or load_relation(this) is none %}
        {{ return('') }}
    {% endif %}
    {% set gone = run_query("
        select count(*), cast(min(event_date) as string), cast(max(event_date) as string)
        from " ~ ledger ~ " as built
        where
            model = '" ~ this.identifier ~ "'
            " ~ ("and event_date >= date '" ~ var('ga4_start_date') ~ "'" if var('ga4_start_date', none) else '') ~ "
            and not exists (
                select 1
                from " ~ inventory ~ " as shard
                where shard.is_chosen and shard.property_id = built.property_id and shard.event_date = built.event_date
            )
    ").rows[0] %}
    {% if gone[0] %}
        {% do exceptions.raise_compiler_error(
            "The export no longer holds " ~ gone[0] ~ " of the days that this table does (" ~ gone[1] ~ " to " ~ gone[2] ~ "), or they cannot be read: --full-refresh "
            ~ "would lose them. Build without it: what has changed is built anew in any case. To have all other days read again: "
            ~ "--vars '{reprocess_start_date: \"2000-01-01\", reprocess_end_date: \"2100-01-01\"}'. To lose those days: --vars '{lose_gone_days: true}'."
        ) %}
    {% endif %}
{% endmacro %}

{% macro ga4_shards_that_differ(inventory, ledger) -%}
    select property_id, event_date, fingerprint, shard_kind, suffix, location, bytes, row_count, modified_at
    from {{ inventory }} as shard
    where
        is_chosen
        {%- if ledger is not none %}
        and (
            not exists (
                select 1
                from {{ ledger }} as built
                where
                    built.model = 'base_ga4__events'
                    and built.property_id = shard.property_id
                    and built.event_date = shard.event_date
                    and built.fingerprint = shard.fingerprint
            )
            {%- if var('reprocess_start_date', none) %}
            or event_date between date '{{ var("reprocess_start_date") }}'
            and date '{{ var("reprocess_end_date", var("reprocess_start_date")) }}'
            {%- endif %}
        )
        {%- endif %}
{%- endmacro %}


{#
    The days that a model which reads the events has to build, as a list of texts; none where it has to build them all. A day counts as changed when its
    events were read anew, or when the model's own rules (its config.meta) are others than those that it was built with.
#}
{% macro ga4_changed_days() %}
    {% if not execute or model.resource_type != 'model' or not is_incremental() %}{{ return(none) }}{% endif %}
    {% set ledger = ga4_days_ledger() %}
    {% if ledger is none %}{{ return(none) }}{% endif %}
    {% set query %}
        select distinct cast(event_date as string) as day
        from ({{ ga4_days_that_differ(ledger) }}) as differing
        order by 1
    {% endset %}
    {{ return(run_query(query).columns[0].values() | list) }}
{% endmacro %}

{# `follows` is the model whose days are read, `version` says by which rules, `reader` who reads. #}
{% macro ga4_days_that_differ(ledger, follows='base_ga4__events', version=none, reader=none) -%}
    select property_id, event_date, fingerprint, revision
    from (
        select property_id, event_date, fingerprint, concat(revision, ' {{ version or ga4_rules_version() }}') as revision
        from {{ ledger }}
        where model = '{{ follows }}'
    ) as wanted
    where
        not exists (
            select 1
            from {{ ledger }} as built
            where
                built.model = '{{ reader or this.identifier }}'
                and built.property_id = wanted.property_id
                and built.event_date = wanted.event_date
                and built.revision = wanted.revision
        )
        {%- if var('reprocess_start_date', none) %}
        or event_date between date '{{ var("reprocess_start_date") }}'
        and date '{{ var("reprocess_end_date", var("reprocess_start_date")) }}'
        {%- endif %}
{%- endmacro %}


{#
    The events of the days in `shards` that belong to other properties: a day is put in place as a whole, so that what was not read anew is kept. To follow the
    selection of the new ones. Also what was kept of a property whose shards are gone stays.
#}
{% macro ga4_kept_events(shards) -%}
    {%- if shards and is_incremental() and (ga4_property_list() | length > 1 or var('ga4_properties', [])) %}
{{ union_all_by_name() }}

select *
from {{ this }}
where {{ ga4_in_days(shards | map(attribute='day') | unique | list) }} and not (
    {%- for property_id, read in shards | groupby('property_id') %}
    (property_id = '{{ property_id }}' and {{ ga4_in_days(read | map(attribute='day') | list) }})
    {{- ' or' if not loop.last }}
    {%- endfor %}
)
    {%- endif %}
{%- endmacro %}


{# A model's own rules as a short text: where they change, all its days do. Of the named actions, what they say, and not what is said about them. #}
{% macro ga4_rules_version() -%}
    {%- set meta = config.get('meta') -%}
    {%- set rules = actions_version() if 'actions' in meta else tojson(meta, sort_keys=true) -%}
    {{ return(local_md5(model.raw_code ~ rules)[:8]) }}
{%- endmacro %}


{# The condition that bounds a reading of the events to literal days, so that nothing else is scanned; `days` is what `ga4_changed_days` says. #}
{% macro ga4_in_days(days, column='event_date') -%}
    {%- if days is none -%} {{ column }} >= date '0001-01-01'
    {%- else -%} {{ column }} in ({{ madang.day_literals(days) }})
    {%- endif -%}
{%- endmacro %}

{# Of no day a day that nothing has: a list in SQL cannot be empty. #}
{% macro day_literals(days) -%}
    {%- for day in days or ['0001-01-01'] %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor -%}
{%- endmacro %}


{# Before a model that is built day by day: one that is built from nothing has forgotten what it held. #}
{% macro ga4_forget_days() %}
    {%- if execute and ga4_days_ledger() is not none and not is_incremental() -%}
        delete from {{ ga4_days_ledger() }} where model = '{{ this.identifier }}'
    {%- endif -%}
{% endmacro %}


{# After it: the days that were built, and from what. The events get a new revision, by which the tables that read them see that they must read them again. #}
{% macro ga4_record_days() %}
    {%- set ledger = ga4_days_ledger() if execute else none -%}
    {%- if ledger is not none and this.identifier == 'base_ga4__events' -%}
        {%- set differing -%}
        select property_id, event_date, fingerprint, shard_kind, suffix, bytes, row_count, modified_at,
            '{{ invocation_id }}' as revision
        from ({{ ga4_shards_that_differ(ref('base_ga4__shards'), ledger) }}) as differing
        {%- endset -%}
        {{ ga4_days_recorded(differing, ['shard_kind', 'suffix', 'bytes', 'row_count', 'modified_at']) }}
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
    when not matched then insert (model, property_id, event_date, {{ columns | join(', ') }}, run_id, built_at)
    values (
        '{{ model_name }}', wanted.property_id, wanted.event_date,
        {% for column in columns %}wanted.{{ column }}, {% endfor %}'{{ invocation_id }}', {{ as_of() }}
    )
{%- endmacro %}
