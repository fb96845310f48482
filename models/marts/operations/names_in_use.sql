{%- set columns = [
    'object_type', 'object_id', 'object_name', 'source', 'channel_group', 'campaign'
] -%}
{%- set attributes = attributes_in_rules() -%}
{%- set customers = customers_with_profiles() -%}
{%- set since = date_plus(as_of_day(), -90) -%}
{%- set actions = named_actions() -%}

-- which names occurred in the last 90 days, so that a rule that asks for another one can be told
with activities as (

    select action, {{ columns | join(', ') }}
    from {{ ref('activities') }}
    where activity_date > {{ since }}

),

defined_actions as (

    {% for action in actions -%}
    select {{ text_literal(action.name) }} as action
    {{ 'union all' if not loop.last }}
    {% else -%}
    select '' as action
    {% endfor %}

),

counted as (

    select
        'event' as kind, cast(null as string) as name_of,
        event_name as name, sum(events) as occurrences
    from {{ ref('ga4_event_names') }}
    where event_date > {{ since }}
    group by event_name

    union all

    select
        'page_path' as kind, cast(null as string) as name_of,
        {{ regex_extract('landing_path', '^(/[^/]*/?)') }} as name, count(*) as occurrences
    from {{ ref('session_totals') }}
    where session_date > {{ since }}
    group by {{ regex_extract('landing_path', '^(/[^/]*/?)') }}

    union all

    select
        'action' as kind, cast(null as string) as name_of,
        defined_actions.action as name, count(activities.action) as occurrences
    from defined_actions
    left join activities on defined_actions.action = activities.action
    where defined_actions.action <> ''
    group by defined_actions.action

    union all

    select
        'stream' as kind, cast(null as string) as name_of, source as name, count(*) as occurrences
    from activities
    group by source

    {% for column in columns -%}
    union all

    select '{{ column }}' as kind, action as name_of, {{ column }} as name, count(*) as occurrences
    from activities
    group by action, {{ column }}

    {% endfor -%}
    {% for attribute in attributes -%}
    union all

    select
        'attribute' as kind, '{{ attribute }}' as name_of,
        cast({{ attribute }} as string) as name, count(*) as occurrences
    from {{ customers }}
    group by {{ attribute }}

    {% endfor %}
),

-- of what has very many names, such as the numbers of orders, the most frequent
ranked as (

    select
        *,
        count(*) over (partition by kind, name_of) as names,
        row_number() over (partition by kind, name_of order by occurrences desc, name) as place
    from counted
    where name is not null

),

final as (

    select kind, name_of, name, cast(occurrences as int64) as occurrences, names
    from ranked
    where place <= 1000

)

select * from final
