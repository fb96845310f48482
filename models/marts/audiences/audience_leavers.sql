{{ config(materialized='view') }}

-- who left an audience in the last 30 days and did not come back;
-- a view, as the history that it reads is
with exits as (

    select audience, person_id, max(exited_at) as exited_at
    from {{ ref('audience_membership') }}
    where exited_at is not null
    group by audience, person_id

),

candidates as (

    select distinct audience, person_id
    from {{ ref('audience_candidates') }}
    where person_id is not null

),

final as (

    select
        exits.audience,
        exits.person_id,
        exits.exited_at,
        {{ seconds_between('exits.exited_at', as_of()) }} as seconds_since_exit
    from exits
    left join candidates
        on exits.audience = candidates.audience
        and exits.person_id = candidates.person_id
    where candidates.person_id is null and exits.exited_at > {{ before_as_of('30 days') }}

)

select * from final
