with final as (

    select
        model,
        score_run,
        version,
        as_of,
        status,
        measure,
        value,
        baseline,
        persons,
        positives,
        is_latest
    from {{ ref('stg_scores__quality') }}

)

select * from final
