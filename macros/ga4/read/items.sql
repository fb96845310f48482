{# The texts of an item, those that the project asks for before them, and its numbers. #}
{% macro ga4_item_texts() %}
    {% set texts = [] %}
    {% for name, type in var('ga4_item_params').items() if type == 'string' %}
        {% do texts.append(name) %}
    {% endfor %}
    {{ return((texts + [
        'item_id', 'item_name', 'item_brand', 'item_variant', 'item_category', 'item_category2',
        'item_category3', 'item_category4', 'item_category5', 'coupon', 'affiliation',
        'location_id', 'item_list_id', 'item_list_name', 'item_list_index', 'promotion_id',
        'promotion_name', 'creative_name',
        'creative_slot',
    ]) | unique | list) }}
{% endmacro %}

{% macro ga4_item_numbers() %}
    {{ return([
        'price', 'price_in_usd', 'quantity', 'item_revenue',
        'item_revenue_in_usd', 'item_refund', 'item_refund_in_usd',
    ]) }}
{% endmacro %}


{#
    The shards that days are read from, as `ga4_events_of` wants them;
    those of all days where `days` is none.
#}
{% macro ga4_shards_of_days(inventory, days) %}
    {% if not execute or load_relation(inventory) is none %}{{ return([]) }}{% endif %}
    {% set query %}
        select property_id, cast(event_date as string) as day, suffix, location, shard_kind
        from {{ inventory }}
        where is_chosen and {{ ga4_in_days(days) }}
        order by 2, 1
    {% endset %}
    {{ return(ga4_shards_selected_by(query)) }}
{% endmacro %}


{#
    A row for every element of a list: the `columns` of `relation`, the element as `name`, and its
    place in the list, counted from 1, as `number`.
#}
{% macro ga4_numbered_rows(relation, columns, list, name, number) %}
    {{- adapter.dispatch('ga4_numbered_rows', 'madang')(relation, columns, list, name, number) -}}
{% endmacro %}

{% macro default__ga4_numbered_rows(relation, columns, list, name, number) -%}
    select
        {{ columns | join(', ') }},
        {{ name }},
        place + 1 as {{ number }}
    from {{ relation }}
    cross join unnest({{ list }}) as {{ name }} with offset as place
{%- endmacro %}

{% macro duckdb__ga4_numbered_rows(relation, columns, list, name, number) -%}
    select
        {{ columns | join(', ') }},
        unnest({{ list }}) as {{ name }},
        unnest(range(1, len({{ list }}) + 1)) as {{ number }}
    from {{ relation }}
{%- endmacro %}


{#
    The raw events for which `condition` holds, each hit once, with `event_key` and the list `kept`.
    The copy with the longest list stays. The written events say how the days' hits were
    deduplicated. So parameters are read only where they were needed, and a second reading is made
    only where hits are alike.
#}
{% macro ga4_raw_hits_once(source, kept, condition, days) %}
    {%- set is_numbered = ga4_has_hits(days, 'hit_number > 1') -%}
    {{- adapter.dispatch('ga4_raw_hits_once', 'madang')(
        source, kept, condition, days, is_numbered
    ) -}}
{% endmacro %}

{% macro default__ga4_raw_hits_once(source, kept, condition, days, is_numbered) -%}
    {{ ga4_raw_hits(source, kept, condition, is_numbered) }}
    qualify row_number() over (
        partition by hit_key, content_key
        order by {{ ga4_list_length(kept) }} desc, {{ ga4_list_as_text(kept) }}
    ) = 1
{%- endmacro %}

{% macro duckdb__ga4_raw_hits_once(source, kept, condition, days, is_numbered) -%}
    {%- if ga4_has_hits(days, 'hit_number <> 1') -%}
    {{ ga4_raw_hits(source, kept, condition ~ ' and not ' ~ ga4_is_alike(), false) }}
    union all
    {{ default__ga4_raw_hits_once(
        source, kept, condition ~ ' and ' ~ ga4_is_alike(), days, is_numbered
    ) }}
    {%- else -%}
    {{ ga4_raw_hits(source, kept, condition, false) }}
    {%- endif -%}
{%- endmacro %}

{% macro ga4_raw_hits(source, kept, condition, with_content) -%}
    select
        property_id,
        event_date,
        event_name,
        {{ ga4_hit_key() }} as hit_key,
        {% if with_content -%}
        case when batch_event_index is null then {{ md5_hex(ga4_params_as_text()) }} end
            as content_key,
        {%- else -%}
        cast(null as string) as content_key,
        {%- endif %}
        {{ kept }}
    from (select * replace (
        {{ date_from_suffix('event_date') }} as event_date
    ) from ({{ source }}) as raw_events) as dated
    where {{ condition }}
{%- endmacro %}

{# Whether there is such a hit among the events of the days. #}
{% macro ga4_has_hits(days, condition) %}
    {% set events = ref('base_ga4__events') %}
    {% if not execute or load_relation(events) is none %}{{ return(true) }}{% endif %}
    {% set query %}select 1
    from {{ events }}
    where {{ ga4_in_days(days) }} and {{ condition }}
    limit 1{% endset %}
    {{ return(run_query(query).rows | length > 0) }}
{% endmacro %}
