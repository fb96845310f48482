with session_sources as (

    select distinct source, medium, campaign
    from {{ ref('session_sources') }}

),

categories as (

    select source, source_category
    from {{ ref('ga4_source_categories') }}

),

final as (

    select
        session_sources.source,
        session_sources.medium,
        session_sources.campaign,
        lower(session_sources.source) as source_lower,
        lower(session_sources.medium) as medium_lower,
        lower(session_sources.campaign) as campaign_lower,
        categories.source_category,
        {{ is_paid_medium('lower(session_sources.medium)') }} as is_paid,
        {{ channel_group(
            'lower(session_sources.source)', 'lower(session_sources.medium)', 'lower(session_sources.campaign)',
            'categories.source_category',
        ) }} as channel_group
    from session_sources
    left join categories on lower(session_sources.source) = categories.source

)

select * from final
