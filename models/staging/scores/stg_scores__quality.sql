with source as (

    select
        score_run,
        model,
        version,
        as_of,
        status,
        measure,
        value,
        baseline,
        persons,
        positives,
        _loaded_at
    from {{ source('scores', 'score_quality') }}

),

-- a run that was landed twice is one
deduplicated as (

    select *
    from source
    qualify row_number() over (
        partition by score_run, model, coalesce(measure, '')
        order by _loaded_at desc, status, value
    ) = 1

),

final as (

    select
        -- ids
        score_run,

        -- strings
        model,
        version,
        status,
        measure,

        -- numerics
        value,
        baseline,
        persons,
        positives,

        -- booleans
        dense_rank() over (partition by model order by as_of desc, score_run desc) = 1 as is_latest,

        -- timestamps
        as_of,
        _loaded_at as loaded_at
    from deduplicated

)

select * from final
