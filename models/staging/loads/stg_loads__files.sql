{{ config(materialized='view') }}

with source as (

    select *
    from {{ source('loads', 'files') }}

),

-- a load that was cut off may have entered a file twice
final as (

    select
        source as source_table,
        {{ regex_extract('source', '^([^.]+)[.]') }} as source_name,
        file,
        sha256 as file_sha256,
        sheet,
        loaded as loaded_rows,
        rejected as rejected_rows,
        loaded_at
    from source
    qualify row_number() over (
        partition by source, sha256, sheet
        order by loaded_at, file
    ) = 1

)

select * from final
