-- each path as people read it; conversions that no touch lies before have one without touches
with path_touches as (

    select *
    from {{ ref('attribution_path_touches') }}

),

conversions as (

    select conversion_key, conversion_type, conversion_date, converted_at
    from {{ ref('conversions') }}

),

paths as (

    select
        path_key,
        max(conversion_key) as conversion_key,
        max(conversion_type) as conversion_type,
        max(path_month) as path_month,
        max(ended_at) as ended_at,
        min(touched_at) as first_touched_at,
        max(touched_at) as last_touched_at,
        count(*) as touches,
        count(case when is_first_of_channel then 1 end) as channels,
        string_agg(case when is_exposure then channel_group end, ' > ' order by position) as path
    from path_touches
    group by path_key

),

final as (

    select
        path_key,
        conversion_key,
        conversion_type,
        path_month,
        conversion_key is not null as is_converted,
        ended_at,
        first_touched_at,
        last_touched_at,
        touches,
        channels,
        path
    from paths

    union all

    select
        conversions.conversion_key as path_key,
        conversions.conversion_key,
        conversions.conversion_type,
        {{ month_before('conversions.conversion_date', 0) }} as path_month,
        true as is_converted,
        conversions.converted_at as ended_at,
        cast(null as timestamp) as first_touched_at,
        cast(null as timestamp) as last_touched_at,
        0 as touches,
        0 as channels,
        cast(null as string) as path
    from conversions
    left join paths on conversions.conversion_key = paths.conversion_key
    where paths.conversion_key is null

)

select * from final
