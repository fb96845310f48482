{{ config(materialized='view') }}

with files as (

    select *
    from {{ source('loads', 'files') }}

),

-- a load that was cut off may have entered a file twice
final as (

    select
        files.source as source_table,
        {{ regex_extract('files.source', '^([^.]+)[.]') }} as source_name,
        files.file,
        files.sha256 as file_sha256,
        files.sheet,
        files.loaded as loaded_rows,
        files.rejected as rejected_rows,
        files.ignored_columns,
        coalesce(files.clock_at, files.loaded_at) as loaded_at,
        files.loaded_at as ordered_at
    from files
    qualify row_number() over (
        partition by files.source, files.sha256, files.sheet
        order by files.loaded_at, files.file
    ) = 1

)

select * from final
