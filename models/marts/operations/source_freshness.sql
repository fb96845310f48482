{%- set cadences = source_cadences() -%}
{#- sources that an audience wants fresh are missed where they never came; others are not used -#}
{%- set wanted = [''] -%}
{%- for spec in audience_specs().values() -%}
    {%- do wanted.extend(spec.get('requires_fresh', [])) -%}
{%- endfor -%}

-- what is late, and by how much: each loaded table against the cadence that its YAML declares,
-- GA4 by its newest day
with cadences as (

    {% for source_table, hours in cadences.items() -%}
    select
        '{{ source_table }}' as source_table,
        '{{ source_table.split('.')[0] }}' as source_name,
        cast({{ hours if hours is not none else 'null' }} as {{ float64() }}) as cadence_hours
    {{ 'union all' if not loop.last }}
    {% else -%}
    select '' as source_table, '' as source_name, cast(null as {{ float64() }}) as cadence_hours
    {% endfor %}

),

loads as (

    select
        source_table,
        {{ last_by('loaded_at', 'coalesce(ordered_at, loaded_at)') }} as last_loaded_at,
        count(distinct case when loaded_rows > 0 then file_sha256 end) as files,
        cast(sum(loaded_rows) as int64) as loaded_rows
    from {{ ref('stg_loads__files') }}
    group by source_table

),

-- the end of the newest day of the export, in the property's time zone
ga4_days as (

    select
        property_id,
        max(event_date) as last_day,
        count(*) as files,
        cast(null as int64) as loaded_rows
    from {{ ref('ga4_partitions') }}
    group by property_id

),

sources as (

    select
        cadences.source_name,
        cadences.source_table,
        cadences.cadence_hours,
        loads.last_loaded_at,
        coalesce(loads.files, 0) as files,
        coalesce(loads.loaded_rows, 0) as loaded_rows
    from cadences
    left join loads on cadences.source_table = loads.source_table
    where cadences.source_table <> ''

    union all

    select
        'ga4' as source_name,
        concat('ga4.', property_id) as source_table,
        cast({{ var('ga4_cadence_hours') }} as {{ float64() }}) as cadence_hours,
        {{ timestamp_plus(timestamp_from_local_text('cast(last_day as string)'), 24, 'hour') }}
            as last_loaded_at,
        files,
        loaded_rows
    from ga4_days

),

with_age as (

    select
        *,
        count(last_loaded_at) over (partition by source_name) > 0 as has_loads,
        case
            when last_loaded_at <= {{ as_of() }}
                then {{ seconds_between('last_loaded_at', as_of()) }} / 3600
            when last_loaded_at is not null then 0
        end as age_hours
    from sources

),

final as (

    select
        source_name,
        source_table,
        cadence_hours,
        last_loaded_at,
        age_hours,
        case
            when cadence_hours is null or age_hours is null then null
            when age_hours > cadence_hours then age_hours - cadence_hours
            else 0
        end as hours_late,
        case
            when last_loaded_at is null
                and source_name in ('{{ wanted | unique | sort | join("', '") }}')
                and not has_loads
                then 'never'
            when last_loaded_at is null then 'not_used'
            when cadence_hours is null then 'no_cadence'
            when age_hours > cadence_hours then 'late'
            else 'fresh'
        end as status,
        files,
        loaded_rows,
        source_table in (
            'crm.customers', 'salesforce.accounts', 'salesforce.contacts', 'salesforce.leads'
        ) as is_crm
    from with_age

)

select * from final
