{#
    Which rows of the export are one hit. GA4 now and then exports a hit twice. Rows that agree in `ga4_hit_columns` are copies of one hit where the export
    numbers the events of a batch (since July 2024); before, they are copies only if their parameters are the same too, for two hits may well share a
    microsecond. Of copies the one stays that comes first by `ga4_copy_order`, which is total: copies that it does not order are equal in all that is read.

    DuckDB finds the rows that may be copies beforehand, by a narrow reading, lets all others stream into the table, and tells those few apart when the table is
    read: a window over all rows would cost it a third of the time, and most of the memory. BigQuery drops copies as it writes.
#}
{% macro ga4_hit_columns() %}
    {{ return([
        'event_date', 'property_id', 'stream_id', 'user_pseudo_id', 'event_timestamp', 'event_name',
        'event_bundle_sequence_id', 'batch_page_id', 'batch_ordering_id', 'batch_event_index',
    ]) }}
{% endmacro %}


{# What all hits that share those columns have in common, as a key; the hit's own is `ga4_event_key`. #}
{% macro ga4_hit_key() %}{{ surrogate_key(ga4_hit_columns()) }}{% endmacro %}

{% macro ga4_event_key() %}{{ ga4_key_of_hit(ga4_hit_key(), 'hit_number') }}{% endmacro %}

{% macro ga4_key_of_hit(hit_key, hit_number) -%}
    case
        when {{ hit_number }} > 1 then {{ md5_hex('concat(' ~ hit_key ~ ", ' ', cast(" ~ hit_number ~ ' as string))') }}
        else {{ hit_key }}
    end
{%- endmacro %}


{# A CTE (with a comma after it) of the hits that more than one row may be, from a selection of raw events. #}
{% macro ga4_repeated_hits(source) %}{{ adapter.dispatch('ga4_repeated_hits', 'madang')(source) }}{% endmacro %}

{% macro default__ga4_repeated_hits(source) %}{% endmacro %}

{% macro duckdb__ga4_repeated_hits(source) -%}
repeated_hits as materialized (

    select {{ ga4_hit_hash() }} as hit
    from ({{ source }}) as narrow
    group by 1
    having count(*) > 1

),
{%- endmacro %}

{# A few of the columns are enough to find candidates. #}
{% macro ga4_hit_hash() %}
    {{- return('hash(event_timestamp, event_bundle_sequence_id, batch_event_index, event_name)') -}}
{% endmacro %}


{# 1 for a row that is a hit of its own, null for one that has yet to be told apart from others. #}
{% macro ga4_hit_number() %}{{ adapter.dispatch('ga4_hit_number', 'madang')() }}{% endmacro %}

{% macro default__ga4_hit_number() %}cast(null as int64){% endmacro %}

{% macro duckdb__ga4_hit_number() %}case when not {{ ga4_is_alike() }} then 1 end{% endmacro %}

{% macro ga4_is_alike() %}{{ return('(' ~ ga4_hit_hash() ~ ' in (from repeated_hits))') }}{% endmacro %}


{# All parameters as one key, where they have to tell hits apart. #}
{% macro ga4_content_key() -%}
    case
        when hit_number is null and batch_event_index is null then {{ md5_hex(ga4_list_as_text('event_params')) }}
    end
{%- endmacro %}

{% macro ga4_list_as_text(list) %}{{ return(adapter.dispatch('ga4_list_as_text', 'madang')(list)) }}{% endmacro %}

{% macro default__ga4_list_as_text(list) %}{{ return('to_json_string(' ~ list ~ ')') }}{% endmacro %}

{% macro duckdb__ga4_list_as_text(list) %}{{ return('cast(' ~ list ~ ' as string)') }}{% endmacro %}


{# The selection of the hits that is written, and the one that is read: copies are dropped in the first on BigQuery, in the second on DuckDB. #}
{% macro ga4_hits_as_written(events) %}{{ adapter.dispatch('ga4_hits_as_written', 'madang')(events) }}{% endmacro %}

{% macro default__ga4_hits_as_written(events) %}{{ ga4_hits_told_apart(events) }}{% endmacro %}

{% macro duckdb__ga4_hits_as_written(events) -%}
    select
        {{ ga4_event_columns() | join(',\n        ') }},
        content_key,
        hit_number
    from {{ events }}
{%- endmacro %}


{% macro ga4_hits_as_read(events) %}{{ adapter.dispatch('ga4_hits_as_read', 'madang')(events) }}{% endmacro %}

{% macro default__ga4_hits_as_read(events) %}select * from {{ events }}{% endmacro %}

{% macro duckdb__ga4_hits_as_read(events) -%}
    select
        {{ ga4_event_columns() | join(',\n        ') }},
        content_key,
        hit_number
    from {{ events }}
    where hit_number is not null
    union all
    {{ ga4_hits_told_apart('(select * from ' ~ events ~ ' where hit_number is null) as alike') }}
{%- endmacro %}


{# Every hit once, with its number among those that have the same `ga4_hit_columns`. #}
{% macro ga4_hits_told_apart(events) -%}
    {%- set hit = ga4_hit_columns() | join(', ') -%}
    select
        {{ ga4_event_columns() | join(',\n        ') }},
        content_key,
        dense_rank() over (
            partition by {{ hit }}
            order by
                {%- for column in ['page_location', 'page_title', 'page_referrer', 'engagement_time_msec', 'value'] %}
                case when content_key is not null then {{ column }} end nulls last,
                {%- endfor %}
                content_key
        ) as hit_number
    from {{ events }}
    qualify row_number() over (
        partition by {{ hit }}, content_key
        order by {{ ga4_copy_order() }}
    ) = 1
{%- endmacro %}

{# The copy that says most: what is there before what is not, column by column. #}
{% macro ga4_copy_order() -%}
    engagement_time_msec desc nulls last
    {%- for column in ga4_event_columns() if column not in ga4_hit_columns() %}, {{ column }} desc nulls last{% endfor %}
{%- endmacro %}
