{{ config(materialized='view') }}

with matches as (

    select * from {{ ref('record_matches') }}

),

final as (

    select
        source,
        record_id,
        record_date,
        person_id,
        case when person_id is null then person_rule end as why_no_person,
        case when session_key is null then visit_rule end as why_no_visit,
        case when application_id is null then application_rule end as why_no_application
    from matches
    where
        person_id is null
        or (session_key is null and visit_rule is not null)
        or (application_id is null and application_rule is not null)

)

select * from final
