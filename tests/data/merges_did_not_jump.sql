{{ config(severity='warn') }}

-- a source that ties strangers shows as a jump:
-- in one build, more persons became one with another than the share that is allowed
select
    last_build.build,
    last_build.merged_persons,
    before.persons as persons_before
from {{ ref('identity_builds') }} as last_build
inner join {{ ref('identity_builds') }} as before on last_build.build > before.build
where
    last_build.build = (select max(build) from {{ ref('identity_builds') }})
    and before.build = (
        select max(build) from {{ ref('identity_builds') }}
        where build < (select max(build) from {{ ref('identity_builds') }})
    )
    and last_build.merged_persons > {{ var('merge_alert_share') }} * before.persons
