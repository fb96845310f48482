{{ config(tags=['clock_day'] if var('score_goals') else []) }}
{%- set goals = var('score_goals') or {} -%}
{%- set rows = [] -%}
{%- for name, goal in goals.items() -%}
    {%- for moment, windows in {'train': 2, 'test': 1, 'now': 0}.items() -%}
        {%- set micros = duration_micros(goal.within) -%}
        {%- do rows.append([
            text_literal(name), text_literal(goal.conversion_type),
            text_literal(moment), windows * micros, micros
        ]) -%}
    {%- endfor -%}
{%- endfor -%}
{%- set columns = {
    'goal': 'string', 'moment': 'string', 'person_id': 'string', 'activities': 'int64',
    'actions': 'int64', 'sessions': 'int64',
    'active_days': 'int64', 'activities_7_days': 'int64',
    'activities_28_days': 'int64', 'days_since_last': float64(),
    'days_since_first': float64(), 'goals_before': 'int64',
    'other_conversions_before': 'int64', 'is_reached': 'boolean'
} %}

{% if not goals -%}
-- depends_on: {{ ref('activities') }}, {{ ref('conversions') }}
-- no goal is declared, so nothing is read
{{ rows_of(columns, []) }}
{%- else -%}
-- what was known of each person at three moments:
-- two windows ago to learn, one ago to test, and now
with goals as (

    select
        *,
        {{ timestamp_plus(today_began(), '(0 - micros_ago)', 'microsecond') }} as known_until,
        {{ timestamp_plus(today_began(), '(window_micros - micros_ago)', 'microsecond') }}
            as counted_until
    from (
        {{ rows_of({
            'goal': 'string', 'conversion_type': 'string', 'moment': 'string',
            'micros_ago': 'int64', 'window_micros': 'int64'
        }, rows) }}
    ) as declared

),

acts as (

    select person_id, occurred_at, activity_date, action, session_key
    from {{ ref('activities') }}
    where person_id is not null

),

conversions as (

    select person_id, conversion_type, converted_at
    from {{ ref('conversions') }}
    where person_id is not null

),

-- nothing that happened at the moment or after it is a feature
features as (

    select
        goals.goal,
        goals.moment,
        acts.person_id,
        min(goals.conversion_type) as conversion_type,
        min(goals.known_until) as known_until,
        min(goals.counted_until) as counted_until,
        count(*) as activities,
        count(distinct acts.action) as actions,
        count(distinct acts.session_key) as sessions,
        count(distinct acts.activity_date) as active_days,
        count(case
            when acts.occurred_at >= {{ timestamp_plus('goals.known_until', '(-7)', 'day') }} then 1
        end) as activities_7_days,
        count(case
            when acts.occurred_at >= {{ timestamp_plus('goals.known_until', '(-28)', 'day') }}
                then 1
        end) as activities_28_days,
        max(acts.occurred_at) as last_at,
        min(acts.occurred_at) as first_at
    from acts
    inner join goals on acts.occurred_at < goals.known_until
    group by goals.goal, goals.moment, acts.person_id

),

with_conversions as (

    select
        features.goal,
        features.moment,
        features.person_id,
        count(case
            when conversions.converted_at < features.known_until
                and conversions.conversion_type = features.conversion_type then 1
        end) as goals_before,
        count(case
            when conversions.converted_at < features.known_until
                and conversions.conversion_type <> features.conversion_type then 1
        end) as other_conversions_before,
        count(case
            when conversions.converted_at >= features.known_until
                and conversions.converted_at < features.counted_until
                and conversions.conversion_type = features.conversion_type then 1
        end) as goals_after
    from features
    left join conversions on features.person_id = conversions.person_id
    group by features.goal, features.moment, features.person_id

),

final as (

    select
        features.goal,
        features.moment,
        features.person_id,
        features.activities,
        features.actions,
        features.sessions,
        features.active_days,
        features.activities_7_days,
        features.activities_28_days,
        round(1e4 * {{ seconds_between('features.last_at', 'features.known_until') }} / 86400) / 1e4
            as days_since_last,
        round(1e4 * {{ seconds_between('features.first_at', 'features.known_until') }} / 86400)
        / 1e4 as days_since_first,
        with_conversions.goals_before,
        with_conversions.other_conversions_before,
        case when features.moment <> 'now' then with_conversions.goals_after > 0 end as is_reached
    from features
    inner join with_conversions
        on features.goal = with_conversions.goal
        and features.moment = with_conversions.moment
        and features.person_id = with_conversions.person_id

)

select * from final
{%- endif %}
