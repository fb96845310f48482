{%- set days = [30, 90] -%}

-- every yes, how long it lasted, and whether a reward had been offered for it
with states as (

    select
        *,
        min(case when not is_open then valid_from end) over (
            partition by person_id, channel, purpose order by state_number
            rows between 1 following and unbounded following
        ) as closed_at
    from {{ ref('consent_states') }}

),

campaigns as (

    select
        campaign,
        via,
        channel,
        {{ safe_cast_as('first_date', 'date') }} as first_date,
        {{ safe_cast_as('last_date', 'date') }} as last_date,
        {{ safe_cast_as('reward_cost', float64()) }} as reward_cost
    from {{ list_of('reward_campaigns') }}

),

with_campaign as (

    select
        states.*,
        campaigns.campaign,
        campaigns.reward_cost,
        row_number() over (
            partition by states.signal_id
            order by
                case campaigns.channel when 'all' then 1 else 0 end,
                campaigns.first_date desc,
                campaigns.campaign
        ) as place
    from states
    left join campaigns
        on states.via = campaigns.via
        and campaigns.channel in ('all', states.channel)
        and {{ local_date('states.valid_from') }} >= campaigns.first_date
        and {{ local_date('states.valid_from') }}
            <= coalesce(campaigns.last_date, {{ as_of_day() }})
    where states.is_open

),

-- the reason is that of the state that ended it
ends as (

    select person_id, channel, purpose, valid_from, reason
    from {{ ref('consent_states') }}
    where not is_open

),

final as (

    select
        grants.signal_id,
        grants.person_id,
        grants.channel,
        grants.purpose,
        grants.valid_from as granted_at,
        {{ local_date('grants.valid_from') }} as granted_date,
        not grants.was_open as is_grant,
        grants.source,
        grants.via,
        grants.policy_version,
        grants.campaign,
        case when grants.campaign is not null then grants.reward_cost end as reward_cost,
        grants.closed_at,
        ends.reason as closed_reason,
        {% for day in days -%}
        case
            when {{ timestamp_plus('grants.valid_from', day, 'day') }} <= {{ today_began() }}
                then not coalesce(
                    grants.closed_at < {{ timestamp_plus('grants.valid_from', day, 'day') }}, false
                )
        end as is_kept_{{ day }},
        {% endfor -%}
        grants.campaign is not null
        and coalesce(
            grants.closed_at
            < {{ timestamp_plus('grants.valid_from', var('reward_hunter_days'), 'day') }},
            false
        ) as is_reward_hunter
    from with_campaign as grants
    left join ends
        on grants.person_id = ends.person_id
        and grants.channel = ends.channel
        and grants.purpose = ends.purpose
        and grants.closed_at = ends.valid_from
    where grants.place = 1

)

select * from final
