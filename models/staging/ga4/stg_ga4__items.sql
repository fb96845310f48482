{%- set changed = ga4_changed_days() -%}
{%- set shards = ga4_shards_of_days(ref('base_ga4__shards'), changed) -%}
{#- days whose shards are gone keep their items: they cannot be read again -#}
{%- set days = shards | map(attribute='day') | unique | list if changed is not none else none -%}
{%- set raw_events = ga4_events_of(shards) -%}
{{ config(
    **built_by_day({'item_params': var('ga4_item_params')}, retyped="var('ga4_item_params')")
) }}
{%- do overwrites_days(days) -%}

with {{ ga4_repeated_hits_of(ref('base_ga4__events'), days) }}

with_items as (

    {{ ga4_raw_hits_once(raw_events, 'items', ga4_list_length('items') ~ ' > 0', days) }}

),

-- hits that are alike and yet several have numbers; on most days there are none
{% if ga4_has_hits(days, 'hit_number > 1') -%}
numbered as (

    select
        {{ ga4_hit_key() }} as hit_key,
        content_key,
        hit_number
    from {{ ref('base_ga4__events') }}
    where {{ ga4_in_days(days) }} and hit_number > 1

),

keyed as (

    select
        {{ ga4_key_of_hit('with_items.hit_key', 'numbered.hit_number') }} as event_key,
        with_items.property_id,
        with_items.event_date,
        with_items.event_name,
        with_items.items
    from with_items
    left join numbered
        on with_items.hit_key = numbered.hit_key
        and with_items.content_key = numbered.content_key

),

{% else -%}
keyed as (

    select
        hit_key as event_key,
        property_id,
        event_date,
        event_name,
        items
    from with_items

),

{% endif -%}
items as (

    {{ ga4_numbered_rows(
        'keyed',
        ['event_key', 'property_id', 'event_date', 'event_name'],
        'items',
        'item',
        'item_number'
    ) }}

),

renamed as (

    select
        event_key,
        item_number,
        property_id,
        event_date,
        event_name,
        item,

        -- what the project asked for
        {% for name, type in var('ga4_item_params').items() -%}
        {{ ga4_param_in('item.item_params', name, type) }} as {{ name }},
        {% endfor %}
        -- the product, and where it was shown
        {% for name in ga4_item_texts() if name not in var('ga4_item_params') -%}
        item.{{ name }},
        {% endfor -%}
        {% for name in ga4_item_numbers() -%}
        {{ number_within('item.' ~ name) }} as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from items

),

suspected as (

    select
        *,
        {% for text in ga4_item_texts() -%}
        {{ ga4_is_personal(text) }}{{ ' or' if not loop.last }}
        {% endfor -%}
        as has_personal_data,
        {{ ga4_notes_on_item_numbers() }} as notes_on_numbers
    from renamed

),

final as (

    select
        event_key,
        item_number,
        property_id,
        event_date,
        event_name,
        {% for name, type in var('ga4_item_params').items() if type != 'string' -%}
        {{ name }},
        {% endfor -%}
        {% for text in ga4_item_texts() -%}
        case when has_personal_data then {{ ga4_masked(text) }} else {{ text }} end as {{ text }},
        {% endfor -%}
        {{ ga4_item_numbers() | join(', ') }},
        has_personal_data,
        case
            when has_personal_data
                then {{ ga4_notes_on_masked(ga4_item_texts(), 'notes_on_numbers') }}
            else notes_on_numbers
        end as reading_notes
    from suspected

)

select * from final
{{ ga4_kept_events(shards) }}
