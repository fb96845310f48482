{%- set actions = ga4_actions() -%}
{%- set days = ga4_changed_days() -%}
{{ config(
    materialized='incremental',
    incremental_strategy=overwrite_days_strategy(),
    on_schema_change='append_new_columns',
    partition_by=partitioned_by_day('event_date'),
    partitions=[],
    pre_hook="{{ ga4_forget_days() }}",
    post_hook="{{ ga4_record_days() }}",
    meta={'overwritten_by': 'event_date', 'params': ga4_params()}
) }}
{%- do overwrites_days(days) -%}

with events as (

    select
        event_key,
        event_name,
        event_at,
        event_date,
        event_order,
        user_pseudo_id,
        user_id,
        session_key,
        page_path,
        page_title,
        transaction_id,
        purchase_revenue,
        {% for param in var('ga4_params') %}{{ param }},
        {% endfor -%}
        method,
        value,
        currency
    from {{ ref('stg_ga4__events') }}
    where {{ ga4_in_days(days) }}

),

-- every event is held against all actions at once: one pass, however many actions there are
names as (

    {% for action in actions -%}
    select {{ text_literal(action.name) }} as action
    {{ 'union all' if not loop.last }}
    {% else -%}
    select 'none' as action
    {% endfor %}

),

stamped as (

    select
        events.*,
        names.action
    from events
    cross join names
    where
        case names.action
            {% for action in actions -%}
            when {{ text_literal(action.name) }} then {{ action_condition(action) }}
            {% else -%}
            when 'none' then false
            {% endfor -%}
            else false
        end

),

final as (

    select
        {{ surrogate_key(['event_key', 'action']) }} as action_key,
        event_key,
        action,
        event_at,
        event_date,
        event_order,
        user_pseudo_id as device_id,
        user_id,
        session_key,
        {% for field in ['object_type', 'object_id', 'object_name'] -%}
        case action
            {% for action in actions -%}
            when {{ text_literal(action.name) }} then {{ action_field(action.get(field)) }}
            {% else -%}
            when 'none' then cast(null as string)
            {% endfor -%}
            else null
        end as {{ field }},
        {% endfor -%}
        case action
            {% for action in actions if action.get('value') -%}
            when {{ text_literal(action.name) }} then {{ action.value.param }}
            {% else -%}
            when 'none' then cast(null as {{ float64() }})
            {% endfor -%}
            else null
        end as value,
        currency
    from stamped

)

select * from final
