-- all changes of each figure, from the first build on,
-- add up to what campaign_returns and campaign_costs say now
with changes as (

    select
        activity_date,
        channel_group,
        campaign_key,
        conversion_type,
        {% for figure in restated_figures() -%}
        sum({{ figure }}) as {{ figure }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('figure_changes') }}
    group by activity_date, channel_group, campaign_key, conversion_type

),

published as (

    select
        activity_date,
        channel_group,
        campaign_key,
        conversion_type,
        {% for figure in restated_figures() -%}
        {{ 'cast(0 as ' ~ float64() ~ ') as cost' if figure == 'cost' else figure }}
        {{- ',' if not loop.last }}
        {% endfor %}
    from {{ ref('campaign_returns') }}
    where model = {{ text_literal(var('returns_model')) }}

    union all

    select
        cost_date as activity_date,
        channel_group,
        campaign_key,
        cast(null as string) as conversion_type,
        {% for figure in restated_figures() -%}
        {{ 'sum(cost) as cost' if figure == 'cost' else 'cast(0 as ' ~ float64() ~ ')' }}
        {{- ',' if not loop.last }}
        {% endfor %}
    from {{ ref('campaign_costs') }}
    where cost is not null
    group by cost_date, channel_group, campaign_key

)

select
    {% for key in ['activity_date', 'channel_group', 'campaign_key', 'conversion_type'] -%}
    coalesce(changes.{{ key }}, published.{{ key }}) as {{ key }},
    {% endfor -%}
    {% for figure in restated_figures() -%}
    changes.{{ figure }} as {{ figure }}_by_changes,
    published.{{ figure }} as {{ figure }}_published{{ ',' if not loop.last }}
    {% endfor %}
from changes
full outer join published
    on changes.activity_date = published.activity_date
    and coalesce(changes.channel_group, '') = coalesce(published.channel_group, '')
    and coalesce(changes.campaign_key, '') = coalesce(published.campaign_key, '')
    and coalesce(changes.conversion_type, '') = coalesce(published.conversion_type, '')
where
    {% for figure in restated_figures() -%}
    abs(coalesce(changes.{{ figure }}, 0) - coalesce(published.{{ figure }}, 0))
    > 0.001{{ ' or' if not loop.last }}
    {% endfor %}
