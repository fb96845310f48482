{#
    The shards to read in this run: a list of {property_id, day, suffix, location, shard_kind}. A
    first or full build reads all shards, others those whose fingerprint is not in the ledger.
    `reprocess_start_date` and `reprocess_end_date` only add days.
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
    {{ return(ga4_shards_selected_by(query)) }}
{% endmacro %}

{# The shards that a query selects: (property_id, day, suffix, location, shard_kind). #}
{% macro ga4_shards_selected_by(query) %}
    {% set shards = [] %}
    {% for row in run_query(query).rows %}
        {% do shards.append({
            'property_id': row[0],
            'day': row[1],
            'suffix': row[2],
            'location': row[3],
            'shard_kind': row[4],
        }) %}
    {% endfor %}
    {{ return(shards) }}
{% endmacro %}

{#
    Refuses a full refresh that would lose days: the export no longer has them, or they cannot be
    read.
#}
{% macro ga4_refuse_to_lose_days(inventory) %}
    {% set ledger = ga4_days_ledger() %}
    {% if flags.WHICH not in ['build', 'run']
        or not should_full_refresh()
        or var('lose_gone_days', false)
        or ledger is none
        or load_relation(this) is none %}
        {{ return('') }}
    {% endif %}
    {% set gone = run_query("
        select count(*), cast(min(event_date) as string), cast(max(event_date) as string)
        from " ~ ledger ~ " as built
        where
            model = '" ~ this.identifier ~ "'
            " ~ ("and event_date
            >= date '" ~ var('ga4_start_date') ~ "'" if var('ga4_start_date', none) else '') ~ "
            and not exists (
                select 1
                from " ~ inventory ~ " as shard
                where
                    shard.is_chosen
                    and shard.property_id = built.property_id
                    and shard.event_date = built.event_date
            )
    ").rows[0] %}
    {% if gone[0] %}
        {% do exceptions.raise_compiler_error(
            "The export no longer holds " ~ gone[0] ~ " of the days that this table does ("
            ~ gone[1] ~ " to " ~ gone[2] ~ "), or they cannot be read: --full-refresh "
            ~ "would lose them. Build without it: what has changed is built anew in any case. To "
            ~ "have all other days read again: "
            ~ "--vars '{reprocess_start_date: \"2000-01-01\", reprocess_end_date: "
            ~ "\"2100-01-01\"}'. To lose those days: --vars '{lose_gone_days: true}'."
        ) %}
    {% endif %}
{% endmacro %}

{% macro ga4_shards_that_differ(inventory, ledger) -%}
    select
        property_id, event_date, fingerprint, shard_kind,
        suffix, location, bytes, row_count, modified_at
    from {{ inventory }} as shard
    where
        is_chosen
        {%- if ledger is not none %}
        and {{ madang.ga4_is_to_be_built('shard', ledger, 'base_ga4__events', 'fingerprint') }}
        {%- endif %}
{%- endmacro %}


{#
    The rows that stay on the days in `shards`, after the selection of the new ones. A day is
    replaced as a whole, so the events of other properties are kept. So are those of a property
    whose shards are gone.
#}
{% macro ga4_kept_events(shards) -%}
    {%- if shards
        and is_incremental()
        and (ga4_property_list() | length > 1 or var('ga4_properties', [])) %}
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
