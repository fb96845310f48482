with source as (

    select score_run, model, version, anchor_key, as_of, value, _loaded_at
    from {{ source('scores', 'scores') }}

),

-- a run that was landed twice is one
deduplicated as (

    select *
    from source
    qualify row_number() over (
        partition by score_run, model, anchor_key
        order by _loaded_at desc, value
    ) = 1

),

final as (

    select
        -- ids
        score_run,
        anchor_key,

        -- strings
        model,
        version,

        -- numerics
        value,

        -- timestamps
        as_of,
        _loaded_at as loaded_at
    from deduplicated

)

select * from final
