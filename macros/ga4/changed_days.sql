{#
    The days that a model which reads the events has to build, as a list of texts; none where it
    builds all. A day changed when its events were read again, or when the model's rules (its
    config.meta) changed.
#}
{% macro ga4_changed_days() %}
    {% if not execute or model.resource_type != 'model' or not is_incremental() %}
        {{ return(none) }}
    {% endif %}
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
        select
            property_id,
            event_date,
            fingerprint,
            concat(revision, ' {{ version or ga4_rules_version() }}') as revision
        from {{ ledger }}
        where model = '{{ follows }}'
    ) as wanted
    where {{ madang.ga4_is_to_be_built('wanted', ledger, reader or this.identifier, 'revision') }}
{%- endmacro %}


{#
    Is a day of a relation one that a model has to build? The ledger does not have it of that model
    with the same `column` (a fingerprint or a revision), or `reprocess_start_date` adds it.
#}
{% macro ga4_is_to_be_built(relation, ledger, model_name, column) -%}
    (
        not exists (
            select 1
            from {{ ledger }} as built
            where
                built.model = '{{ model_name }}'
                and built.property_id = {{ relation }}.property_id
                and built.event_date = {{ relation }}.event_date
                and built.{{ column }} = {{ relation }}.{{ column }}
        )
        {%- if var('reprocess_start_date', none) %}
        or {{ relation }}.event_date between date '{{ var("reprocess_start_date") }}'
        and date '{{ var("reprocess_end_date", var("reprocess_start_date")) }}'
        {%- endif %}
    )
{%- endmacro %}


{#
    A model's own rules as a short text: where they change, all its days do.
    Of the named actions, what they say, and not what is said about them.
#}
{% macro ga4_rules_version() -%}
    {%- set meta = config.get('meta') -%}
    {%- set rules = actions_version() if 'actions' in meta else tojson(meta, sort_keys=true) -%}
    {{ return(local_md5(model.raw_code ~ rules)[:8]) }}
{%- endmacro %}


{#
    The condition that bounds a reading of the events to literal days,
    so that nothing else is scanned; `days` is what `ga4_changed_days` says.
#}
{% macro ga4_in_days(days, column='event_date') -%}
    {%- if days is none -%} {{ column }} >= date '0001-01-01'
    {%- else -%} {{ column }} in ({{ madang.day_literals(days) }})
    {%- endif -%}
{%- endmacro %}

{# Of no day a day that nothing has: a list in SQL cannot be empty. #}
{% macro day_literals(days) -%}
    {%- for day in days or ['0001-01-01'] %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor -%}
{%- endmacro %}
