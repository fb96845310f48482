-- who a browser or an app instance belonged to, and when; never from what came later
with runs as (

    select *
    from {{ ref('device_runs') }}

),

cuts as (

    select *
    from {{ ref('device_cuts') }}

),

final as (

    select runs.*
    from runs
    left join (select distinct device_id from cuts) as visited on runs.device_id = visited.device_id
    where visited.device_id is null

    union all

    select * from cuts

)

select * from final
