-- what campaigns, steps and variants are called now: ids stay when they are renamed
with events as (

    select
        coalesce(campaign_id, canvas_id) as campaign,
        canvas_step_id,
        variation_id,
        campaign_name,
        canvas_step_name,
        variation_name,
        max(event_at) as last_seen_at
    from {{ ref('stg_braze__messages') }}
    where not is_test
    group by
        coalesce(campaign_id, canvas_id), canvas_step_id,
        variation_id, campaign_name, canvas_step_name, variation_name

),

{% set kinds = {
    'campaign': ['campaign', 'campaign_name'],
    'step': ['canvas_step_id', 'canvas_step_name'],
    'variant': ['variation_id', 'variation_name'],
} -%}
named as (

    {% for kind, (id, name) in kinds.items() -%}
    select
        '{{ kind }}' as kind, {{ id }} as id, {{ name }} as name, max(last_seen_at) as last_seen_at
    from events
    where {{ id }} is not null and {{ name }} is not null
    group by {{ id }}, {{ name }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select kind, id, name, last_seen_at
    from named
    qualify row_number() over (partition by kind, id order by last_seen_at desc, name) = 1

)

select * from final
