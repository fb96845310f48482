{%- set days = ga4_changed_days() -%}
{{ config(**built_by_day()) }}
{%- do overwrites_days(days) -%}

with final as (

    select
        property_id,
        event_date,
        event_name,
        count(*) as events
    from {{ ref('stg_ga4__events') }}
    where {{ ga4_in_days(days) }}
    group by property_id, event_date, event_name

)

select * from final
