with inventory as (

    {{ ga4_shard_inventory() }}

),

dated as (

    select
        *,
        {{ ga4_day("substr(suffix, length(suffix) - 7)") }} as event_date,
        case
            when kind = 'ga360' and starts_with(suffix, 'intraday_') then 'ga360_intraday'
            when kind = 'ga360' then 'ga360'
            when starts_with(suffix, 'intraday_') then 'intraday'
            when starts_with(suffix, 'fresh_') then 'fresh'
            else 'daily'
        end as shard_kind
    from inventory

),

-- a day is read from one shard only: the daily one, else the fresh one,
-- else what intraday has so far
ranked as (

    select
        *,
        row_number() over (
            partition by property_id, event_date
            order by
                case when problem is null then 0 else 1 end,
                case shard_kind
                    when 'fresh' then 2
                    when 'intraday' then 3
                    when 'ga360_intraday' then 3
                    else 1
                end
        ) as preference
    from dated
    where
        event_date is not null
        {%- if var('ga4_start_date', none) %}
        and event_date >= date '{{ var("ga4_start_date") }}'
        {%- endif %}

),

chosen as (

    select
        property_id,
        suffix,
        event_date,
        shard_kind,
        location,
        files,
        bytes,
        row_count,
        modified_at,
        problem,
        problem is null and preference = 1 as is_chosen,
        concat(suffix, ' ', contents, ' {{ ga4_reading_version() }}') as fingerprint
    from ranked

),

read_before as (

    select property_id, event_date, suffix, row_count, bytes
    from {{ ref('stg_builds__days') }}
    where model = 'base_ga4__events'

),

final as (

    select
        chosen.*,
        case
            when chosen.is_chosen and read_before.row_count > chosen.row_count
                then read_before.row_count - chosen.row_count
            else 0
        end as rows_lost,
        -- files that do not say how many rows they have: what a tenth or more is missing of
        case
            when
                chosen.is_chosen
                and coalesce(chosen.row_count, read_before.row_count) is null
                and chosen.bytes < 0.9 * read_before.bytes
                then read_before.bytes - chosen.bytes
            else 0
        end as bytes_lost
    from chosen
    left join read_before
        on chosen.property_id = read_before.property_id
        and chosen.event_date = read_before.event_date
        and chosen.suffix = read_before.suffix

)

select * from final
