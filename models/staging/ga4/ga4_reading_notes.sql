{%- set days = ga4_changed_days() -%}
{{ config(**built_by_day({'notes': ga4_possible_notes()})) }}
{%- do overwrites_days(days) -%}

with of_events as (

    select property_id, event_date, 'event' as noted_of, reading_notes, count(*) as evidence
    from {{ ref('stg_ga4__events') }}
    where {{ ga4_in_days(days) }} and reading_notes is not null
    group by property_id, event_date, reading_notes

),

of_items as (

    select property_id, event_date, 'item' as noted_of, reading_notes, count(*) as evidence
    from {{ ref('stg_ga4__items') }}
    where {{ ga4_in_days(days) }} and reading_notes is not null
    group by property_id, event_date, reading_notes

),

noted as (

    select property_id, event_date, noted_of, reading_notes, evidence from of_events
    union all
    select property_id, event_date, noted_of, reading_notes, evidence from of_items

),

final as (

    select
        property_id,
        event_date,
        noted_of,
        {{ regex_extract('note', '^([^:]+):') }} as field,
        {{ regex_extract('note', ':(.+)$') }} as cause,
        cast(sum(evidence) as int64) as occurrences
    from noted
    cross join {{ rows_of_array(ga4_possible_notes(), 'note') }}
    where strpos(concat(' ', reading_notes), concat(' ', note, ' ')) > 0
    group by property_id, event_date, noted_of, note

)

select * from final
