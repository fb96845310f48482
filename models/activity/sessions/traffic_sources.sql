-- what any session reported, and what a repair makes of it; see `session_channels`
with reported as (

    select touch_source as source, touch_medium as medium, touch_campaign as campaign
    from {{ ref('session_totals') }}
    where touch_source is not null

    union distinct

    select last_click_source as source, last_click_medium as medium, last_click_campaign as campaign
    from {{ ref('session_totals') }}
    where last_click_source is not null

    union distinct

    select '(direct)' as source, '(none)' as medium, '(not set)' as campaign

),

complete as (

    select
        source,
        coalesce(medium, '(none)') as medium,
        coalesce(campaign, '(not set)') as campaign
    from reported

),

with_repairs as (

    select source, medium, campaign
    from complete

    {% for source, medium in google_click_sources().values() %}
    union distinct

    select
        '{{ source }}' as source,
        '{{ medium }}' as medium,
        coalesce({{ real_campaign('campaign') }}, '(not set)') as campaign
    from complete
    where {{ is_mistaken_for_google('source', 'medium') }}
    {% endfor %}

),

categories as (

    select source, source_category
    from {{ list_of('ga4_source_categories') }}

),

final as (

    select
        with_repairs.source,
        with_repairs.medium,
        with_repairs.campaign,
        lower(with_repairs.source) as source_lower,
        lower(with_repairs.medium) as medium_lower,
        lower(with_repairs.campaign) as campaign_lower,
        categories.source_category,
        {{ is_paid_medium('lower(with_repairs.medium)') }} as is_paid,
        {{ channel_group(
            'lower(with_repairs.source)', 'lower(with_repairs.medium)',
            'lower(with_repairs.campaign)',
            'categories.source_category',
        ) }} as channel_group
    from with_repairs
    left join categories on lower(with_repairs.source) = categories.source

)

select * from final
