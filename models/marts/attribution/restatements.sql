{{ config(materialized='view') }}

{%- set cell = ['activity_date', 'channel_group', 'campaign_key', 'conversion_type', 'figure'] -%}

-- each figure that a build changed after it had been published, with what it was,
-- what it became and why
with figures as (

    select
        changes.build,
        changes.known_at,
        changes.cause,
        changes.activity_date,
        changes.channel_group,
        changes.campaign_key,
        changes.conversion_type,
        figures.figure,
        case figures.figure
            {% for figure in restated_figures() -%}
            when '{{ figure }}' then changes.{{ figure }}
            {% endfor -%}
        end as amount
    from {{ ref('figure_changes') }} as changes
    cross join (
        {%- for figure in restated_figures() %}
        select '{{ figure }}' as figure{{ ' union all' if not loop.last }}
        {%- endfor %}
    ) as figures

),

-- whole units, so that sums are the same in whatever order they are made
changes as (

    select
        build,
        known_at,
        cause,
        {{ cell | join(', ') }},
        round(1e6 * sum(amount)) / 1e6 as change
    from figures
    group by build, known_at, cause, {{ cell | join(', ') }}

),

-- causes of one build follow each other in the order of their names
steps as (

    select
        *,
        coalesce(sum(change) over (
            partition by {{ cell | join(', ') }}
            order by build, cause
            rows between unbounded preceding and 1 preceding
        ), 0) as amount_before
    from changes

),

final as (

    select
        steps.build,
        steps.known_at,
        steps.activity_date,
        steps.channel_group,
        steps.campaign_key,
        labels.platform,
        labels.campaign,
        steps.conversion_type,
        steps.figure,
        steps.cause,
        round(1e6 * steps.amount_before) / 1e6 as amount_before,
        steps.change,
        round(1e6 * (steps.amount_before + steps.change)) / 1e6 as amount_after
    from steps
    left join {{ ref('campaign_labels') }} as labels on steps.campaign_key = labels.campaign_key
    where steps.cause <> 'new' and steps.change <> 0

)

select * from final
