{%- set days = [30, 90] -%}

-- what each reward campaign brought on each channel; yeses without a campaign stand beside them
with grants as (

    select *, coalesce(campaign, '(none)') as campaign_name
    from {{ ref('consent_grants') }}

),

policy as (

    select distinct channel
    from {{ list_of('consent_policy') }}

),

-- a campaign has a row for each of its channels, also where nobody took it up
campaigns as (

    select distinct lists.campaign, policy.channel
    from {{ list_of('reward_campaigns') }} as lists
    inner join policy on lists.channel in ('all', policy.channel)

    union all

    select '(none)' as campaign, channel
    from policy

),

grouped as (

    select
        campaign_name,
        channel,
        count(*) as yeses,
        count(distinct person_id) as people,
        count(case when is_grant then 1 end) as grants,
        count(case when campaign is not null and reward_cost is null then 1 end)
            as yeses_without_cost,
        round(sum(reward_cost), 4) as reward_cost,
        {% for day in days -%}
        count(case when is_grant and is_kept_{{ day }} is not null then 1 end)
            as grants_of_{{ day }},
        count(case when is_grant and is_kept_{{ day }} then 1 end) as kept_{{ day }},
        {% endfor -%}
        count(case when is_grant and is_reward_hunter then 1 end) as reward_hunters
    from grants
    group by campaign_name, channel

),

added_up as (

    select
        campaigns.campaign,
        campaigns.channel,
        coalesce(grouped.yeses, 0) as yeses,
        coalesce(grouped.people, 0) as people,
        coalesce(grouped.grants, 0) as grants,
        coalesce(grouped.yeses_without_cost, 0) as yeses_without_cost,
        case when campaigns.campaign <> '(none)' then coalesce(grouped.reward_cost, 0) end as cost,
        {% for day in days -%}
        coalesce(grouped.grants_of_{{ day }}, 0) as grants_of_{{ day }},
        coalesce(grouped.kept_{{ day }}, 0) as kept_{{ day }},
        {% endfor -%}
        coalesce(grouped.reward_hunters, 0) as reward_hunters
    from campaigns
    left join grouped
        on campaigns.campaign = grouped.campaign_name
        and campaigns.channel = grouped.channel

),

final as (

    select
        *,
        {% for day in days -%}
        {{ rate_columns('survival_%s' % day, 'kept_%s' % day, 'grants_of_%s' % day) }},
        {% endfor -%}
        {{ six_decimals('reward_hunters / nullif(grants, 0)') }} as reward_hunter_share,
        {{ six_decimals('cost / nullif(grants, 0)') }} as cost_per_grant,
        {{ six_decimals('cost / nullif(kept_30, 0)') }} as cost_per_grant_kept_30
    from added_up

)

select * from final
