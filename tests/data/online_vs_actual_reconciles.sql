-- depends_on: {{ ref('online_conversions') }}
{%- set specs = conversion_specs() -%}
{%- set of_events = named_actions() | rejectattr('source') | map(attribute='name') | list -%}
{%- set offline = [] -%}
{%- for action in named_actions() if action.get('source') == 'offline' -%}
    {%- do offline.append(action.name) -%}
{%- endfor -%}

-- per type: the online ones are the numbers that the stream has; those ever verified are the
-- applications that a partner reported in time; actual ones and their value are what all changes
-- add up to
with summed as (

    select
        conversion_type,
        sum(online) as online,
        sum(actual) as actual,
        sum(actual + reversed) as ever_verified,
        round(sum(actual_value), 2) as actual_value
    from {{ ref('online_vs_actual') }}
    group by conversion_type

),

changed as (

    select
        conversion_type,
        sum(verified_change) as actual,
        round(sum(verified_value_change), 2) as actual_value
    from {{ ref('conversion_changes') }}
    group by conversion_type

),

activities as (

    select *
    from {{ ref('activities') }}

),

streamed as (

    {% for spec in specs -%}
    select
        {{ text_literal(spec.name) }} as conversion_type,
        {% if spec.get('counts') == 'once' -%}
        count(distinct coalesce(subject_id, activity_id)) as online
        {%- elif spec.action in of_events -%}
        count(distinct concat(coalesce(object_type, ''), ' ', coalesce(object_id, activity_id)))
            as online
        {%- else -%}
        count(distinct activity_id) as online
        {%- endif %}
    from activities
    where {{ meets_condition('activities', {'action': spec.action, 'where': spec.get('where')}) }}
    {{ 'union all' if not loop.last }}
    {% else -%}
    select 'none' as conversion_type, 0 as online
    {% endfor %}

),

-- a product that nothing converts on may be spelt otherwise
reported as (

    {% for spec in specs if spec.get('verified_by') -%}
    {% if as_list(spec.verified_by.action) | reject('in', offline) | list == [] -%}
    select
        {{ text_literal(spec.name) }} as conversion_type,
        count(distinct online.conversion_key) as ever_verified
    from {{ ref('online_conversions') }} as online
    inner join activities as outcomes
        on online.object_id = outcomes.object_id
        and outcomes.source = 'offline'
        and (
            outcomes.object_type = online.object_type
            or online.object_type is null
            or outcomes.object_type is null
            or outcomes.object_type not in (
                select object_type
                from {{ ref('online_conversions') }}
                where object_type is not null
            )
        )
        and outcomes.action in ({{ text_literals(as_list(spec.verified_by.action)) }})
        and outcomes.activity_order >= online.conversion_order
    where
        online.conversion_type = {{ text_literal(spec.name) }}
        and outcomes.occurred_at <= online.verify_by

    union all

    {% endif -%}
    {% endfor -%}
    select 'none' as conversion_type, 0 as ever_verified

)

select
    streamed.conversion_type,
    streamed.online as online_in_stream,
    summed.online,
    changed.actual as actual_by_changes,
    summed.actual,
    changed.actual_value as actual_value_by_changes,
    summed.actual_value,
    reported.ever_verified as verified_by_outcomes,
    summed.ever_verified
from streamed
left join summed on streamed.conversion_type = summed.conversion_type
left join changed on streamed.conversion_type = changed.conversion_type
left join reported on streamed.conversion_type = reported.conversion_type
where
    streamed.online <> coalesce(summed.online, 0)
    or coalesce(changed.actual, 0) <> coalesce(summed.actual, 0)
    or abs(coalesce(changed.actual_value, 0) - coalesce(summed.actual_value, 0)) > 0.05
    or coalesce(reported.ever_verified, summed.ever_verified) <> summed.ever_verified
