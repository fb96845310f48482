{{ config(materialized='view') }}

-- a view: the history is small, and its anchors are resolved by the identity of now
with versions as (

    select
        versions.audience,
        identifiers.person_id,
        versions.dbt_valid_from as valid_from,
        versions.dbt_valid_to as valid_to
    from {{ ref('audience_member_versions') }} as versions
    inner join {{ ref('person_identifiers') }} as identifiers
        on versions.anchor_key = identifiers.identifier_key
    where versions.is_member

),

started as (

    select audience, min(dbt_valid_from) as first_seen_at
    from {{ ref('audience_member_versions') }}
    group by audience

),

-- a person who was several has versions that overlap or meet: they are one interval
with_earlier_end as (

    select
        *,
        max(coalesce(valid_to, {{ far_future() }})) over (
            partition by audience, person_id
            order by valid_from, valid_to
            rows between unbounded preceding and 1 preceding
        ) as earlier_end
    from versions

),

numbered as (

    select
        *,
        sum(case when earlier_end >= valid_from then 0 else 1 end) over (
            partition by audience, person_id
            order by valid_from, valid_to
            rows between unbounded preceding and current row
        ) as interval_number
    from with_earlier_end

),

intervals as (

    select
        audience,
        person_id,
        min(valid_from) as entered_at,
        max(coalesce(valid_to, {{ far_future() }})) as last_end
    from numbered
    group by audience, person_id, interval_number

),

final as (

    select
        intervals.audience,
        intervals.person_id,
        intervals.entered_at,
        nullif(intervals.last_end, {{ far_future() }}) as exited_at,
        intervals.entered_at > started.first_seen_at as is_entry_seen
    from intervals
    inner join started on intervals.audience = started.audience

)

select * from final
