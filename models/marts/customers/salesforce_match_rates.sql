with matches as (

    select * from {{ ref('salesforce_match') }}

),

final as (

    select
        {{ surrogate_key(['object', 'outcome', 'matched_by', 'reason']) }} as rate_key,
        object,
        outcome,
        matched_by,
        reason,
        count(record_id) as records,
        count(distinct person_id) as persons,
        count(case when records_of_person > 1 then 1 end) as records_beside_others,
        round(1e6 * count(*) / sum(count(*)) over (partition by object)) / 1e6 as share
    from matches
    group by object, outcome, matched_by, reason

)

select * from final
