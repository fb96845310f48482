with inventory as (

    {{ ga4_shard_inventory() }}

),

dated as (

    select
        property_id,
        suffix,
        location,
        bytes,
        row_count,
        modified_at,
        problem,
        {{ date_from_suffix("substr(suffix, length(suffix) - 7)") }} as event_date,
        case
            when starts_with(suffix, 'intraday_') then 'intraday'
            when starts_with(suffix, 'fresh_') then 'fresh'
            else 'daily'
        end as shard_kind
    from inventory
    where {{ regex_matches('suffix', '^(intraday_|fresh_)?[0-9]{8}$') }}

),

-- a day is read from one shard only: the daily one, else the fresh one, else what intraday has so far
ranked as (

    select
        *,
        row_number() over (
            partition by property_id, event_date
            order by
                case when problem is null then 0 else 1 end,
                case shard_kind when 'daily' then 1 when 'fresh' then 2 else 3 end
        ) as preference
    from dated
    {%- if var('ga4_start_date', none) %}
    where event_date >= date '{{ var("ga4_start_date") }}'
    {%- endif %}

),

final as (

    select
        property_id,
        suffix,
        event_date,
        shard_kind,
        location,
        bytes,
        row_count,
        modified_at,
        problem,
        problem is null and preference = 1 as is_chosen,
        concat(
            suffix, ' ', cast(bytes as string), ' ', cast(modified_at as string), ' {{ ga4_reading_version() }}'
        ) as fingerprint
    from ranked

)

select * from final
