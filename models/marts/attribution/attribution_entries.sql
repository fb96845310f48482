-- what is divided among touches: each conversion, with all that was ever verified of it,
-- and what was taken back
with conversions as (

    select conversion_key, conversion_type, conversion_date, online_value
    from {{ ref('conversions') }}

),

changes as (

    select
        conversion_key,
        change_number,
        change_date,
        verified_change,
        {{ in_units('verified_value_change', '1e6') }} as verified_units
    from {{ ref('conversion_changes') }}

),

verified as (

    select
        conversion_key,
        cast(sum(case when verified_change > 0 then verified_change else 0 end) as int64)
            as verified,
        cast(sum(case when verified_units > 0 then verified_units else 0 end) as int64)
            as verified_units
    from changes
    group by conversion_key

),

final as (

    select
        conversions.conversion_key,
        'conversion' as entry,
        0 as change_number,
        conversions.conversion_type,
        conversions.conversion_date as entry_date,
        1 as online,
        {{ in_units('conversions.online_value', '1e6') }} as online_units,
        verified.verified,
        verified.verified_units
    from conversions
    inner join verified on conversions.conversion_key = verified.conversion_key

    union all

    select
        changes.conversion_key,
        'reversal' as entry,
        changes.change_number,
        conversions.conversion_type,
        changes.change_date as entry_date,
        0 as online,
        0 as online_units,
        case when changes.verified_change < 0 then changes.verified_change else 0 end as verified,
        changes.verified_units
    from changes
    inner join conversions on changes.conversion_key = conversions.conversion_key
    where changes.verified_units < 0 or changes.verified_change < 0

)

select * from final
