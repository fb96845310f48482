-- the scores of the latest run of each model that was good enough, by the identity of now
with published as (

    select distinct score_run, model
    from {{ ref('stg_scores__quality') }}
    where is_latest and status = 'published'

),

identified as (

    select
        scores.model,
        scores.version,
        identifiers.person_id,
        scores.as_of,
        scores.value
    from {{ ref('stg_scores__scores') }} as scores
    inner join published
        on scores.score_run = published.score_run
        and scores.model = published.model
    inner join {{ ref('person_identifiers') }} as identifiers
        on scores.anchor_key = identifiers.identifier_key
    -- a person who was several has the score of the id that stayed, else of the first
    qualify row_number() over (
        partition by scores.model, identifiers.person_id
        order by
            case when scores.anchor_key = identifiers.person_id then 0 else 1 end, scores.anchor_key
    ) = 1

),

ranked as (

    select
        *,
        count(*) over (partition by model) as persons,
        rank() over (partition by model order by value) - 1 as lower_values
    from identified

),

final as (

    select
        model,
        version,
        person_id,
        as_of,
        value,
        case
            when model = 'rfm_cluster' then concat('cluster_', cast(cast(value as int64) as string))
            else concat(
                'decile_', cast(1 + cast(floor(10 * lower_values / persons) as int64) as string)
            )
        end as band
    from ranked

)

select * from final
