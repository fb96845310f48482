{#
    The columns that identify a hit. GA4 sometimes exports a hit twice. Since July 2024 the export
    numbers the events of a batch: rows that agree in these columns are copies. Before, copies must
    also agree in their parameters, because two hits may share a microsecond. The copy that comes
    first by `ga4_copy_order` stays. That order is total: copies that it does not order are equal in
    all that is read.

    DuckDB first reads a few columns to find possible copies, then streams all rows and deduplicates
    those few. A window over all rows would cost a third of the time and most of the memory. DuckDB
    gives a copy the hit number 0, and nothing reads it. BigQuery drops copies as it writes.
#}
{% macro ga4_hit_columns() %}
    {{ return([
        'event_date', 'property_id', 'stream_id', 'user_pseudo_id', 'event_timestamp', 'event_name',
        'event_bundle_sequence_id', 'batch_page_id', 'batch_ordering_id', 'batch_event_index',
    ]) }}
{% endmacro %}


{#
    A CTE (with a comma after it) of the hits that more than one row may be,
    from a selection of raw events.
#}
{% macro ga4_repeated_hits(source) -%}
    {{ adapter.dispatch('ga4_repeated_hits', 'madang')(source) }}
{%- endmacro %}

{% macro default__ga4_repeated_hits(source) %}{% endmacro %}

{% macro duckdb__ga4_repeated_hits(source) -%}
repeated_hits as materialized (

    select {{ ga4_hit_hash() }} as hit
    from ({{ source }}) as narrow
    group by 1
    having count(*) > 1

),
{%- endmacro %}

{# The same from the events of some days, once they are written. #}
{% macro ga4_repeated_hits_of(events, days) -%}
    {{ adapter.dispatch('ga4_repeated_hits_of', 'madang')(events, days) }}
{%- endmacro %}

{% macro default__ga4_repeated_hits_of(events, days) %}{% endmacro %}

{% macro duckdb__ga4_repeated_hits_of(events, days) -%}
repeated_hits as materialized (

    select distinct {{ ga4_hit_hash() }} as hit
    from {{ events }}
    where {{ ga4_in_days(days) }} and hit_number <> 1

),
{%- endmacro %}

{# A few of the columns are enough to find candidates. #}
{% macro ga4_hit_hash() %}
    {{- return('hash(event_timestamp, event_bundle_sequence_id, batch_event_index, event_name)') -}}
{% endmacro %}


{# 1 for a row that is a hit of its own, null for one that has yet to be told apart from others. #}
{% macro ga4_hit_number() %}{{ adapter.dispatch('ga4_hit_number', 'madang')() }}{% endmacro %}

{% macro default__ga4_hit_number() %}cast(null as int64){% endmacro %}

{% macro duckdb__ga4_hit_number() -%}
    case when not {{ ga4_is_alike() }} then cast(1 as int64) end
{%- endmacro %}

{% macro ga4_is_alike() %}
    {{ return('(' ~ ga4_hit_hash() ~ ' in (from repeated_hits))') }}
{% endmacro %}


{# The selection of the hits that is written. #}
{% macro ga4_hits_as_written(events) -%}
    {{ adapter.dispatch('ga4_hits_as_written', 'madang')(events) }}
{%- endmacro %}

{% macro default__ga4_hits_as_written(events) -%}
    select
        {{ ga4_event_columns() | join(',\n        ') }},
        content_key,
        {{ ga4_number_of_hit() }} as hit_number
    from {{ events }}
    qualify {{ ga4_copy_number() }} = 1
{%- endmacro %}

{% macro duckdb__ga4_hits_as_written(events) -%}
    select
        {{ ga4_event_columns() | join(',\n        ') }},
        content_key,
        hit_number
    from {{ events }}
{%- endmacro %}


{#
    A post hook: gives the hits that were written without one their number,
    where that is not done as they are written.
#}
{% macro ga4_tell_hits_apart() -%}
    {{ adapter.dispatch('ga4_tell_hits_apart', 'madang')() }}
{%- endmacro %}

{% macro default__ga4_tell_hits_apart() %}{% endmacro %}

{% macro duckdb__ga4_tell_hits_apart() -%}
    update {{ this }} as events
    set hit_number = told_apart.hit_number
    from (
        select
            rowid as place,
            case when {{ ga4_copy_number() }} = 1 then {{ ga4_number_of_hit() }} else 0 end
                as hit_number
        from {{ this }}
        where hit_number is null
    ) as told_apart
    where events.rowid = told_apart.place
{%- endmacro %}


{# What holds for every hit that was written, but for its copies. #}
{% macro ga4_is_no_copy() %}
    {{ return(adapter.dispatch('ga4_is_no_copy', 'madang')()) }}
{% endmacro %}

{% macro default__ga4_is_no_copy() %}{{ return('true') }}{% endmacro %}

{% macro duckdb__ga4_is_no_copy() %}{{ return('hit_number > 0') }}{% endmacro %}


{#
    A hit's number among those that share `ga4_hit_columns`,
    and a row's among the copies of one hit.
#}
{% macro ga4_number_of_hit() -%}
    dense_rank() over (
            partition by {{ ga4_hit_columns() | join(', ') }}
            order by
                {%- for column in [
                    'page_location', 'page_title', 'page_referrer', 'engagement_time_msec', 'value'
                ] %}
                case when content_key is not null then {{ column }} end nulls last,
                {%- endfor %}
                content_key
        )
{%- endmacro %}

{% macro ga4_copy_number() -%}
    row_number() over (
        partition by {{ ga4_hit_columns() | join(', ') }}, content_key
        order by {{ ga4_copy_order() }}
    )
{%- endmacro %}

{# The copy that says most: what is there before what is not, column by column. #}
{% macro ga4_copy_order() -%}
    engagement_time_msec desc nulls last
    {%- for column in ga4_event_columns() if column not in ga4_hit_columns() %}
    , {{ column }} desc nulls last
    {% endfor %}
{%- endmacro %}
