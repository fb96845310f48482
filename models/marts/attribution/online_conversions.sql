{%- set specs = conversion_specs() -%}
{%- set of_events = named_actions() | rejectattr('source') | map(attribute='name') | list -%}
{%- set columns = [
    'activity_id', 'person_id', 'device_id', 'subject_id', 'session_key',
    'occurred_at', 'activity_date', 'activity_order', 'source',
    'object_type', 'object_id', 'object_name', 'channel_group', 'campaign',
] -%}

-- what counts as a conversion, as it looked online: its moment, its value at the rate of its day
with activities as (

    select {{ columns | join(', ') }}, action, value, currency
    from {{ ref('activities') }}
    where action in ({{ text_literals(specs | map(attribute='action') | unique | list) }})

),

types as (

    {% for spec in specs -%}
    select
        {{ text_literal(spec.name) }} as conversion_type,
        {{ 'true' if spec.get('counts') == 'once' else 'false' }} as is_once
    {{ 'union all' if not loop.last }}
    {% else -%}
    select 'none' as conversion_type, false as is_once
    {% endfor %}

),

sessions as (

    select session_key, device_id
    from {{ ref('sessions') }}

),

typed as (

    select
        activities.*,
        types.conversion_type,
        types.is_once,
        activities.action in ({{ text_literals(of_events) }}) as is_event
    from activities
    cross join types
    where
        case types.conversion_type
            {% for spec in specs -%}
            when {{ text_literal(spec.name) }}
                then {{ meets_condition(
                    'activities', {'action': spec.action, 'where': spec.get('where')}
                ) }}
            {% else -%}
            when 'none' then false
            {% endfor -%}
            else false
        end

),

-- what an event of the website reports twice under one number is one;
-- records of other sources are deduplicated
placed as (

    select
        *,
        row_number() over (
            partition by
                conversion_type,
                case when is_event then object_type end,
                case when is_event then coalesce(object_id, activity_id) else activity_id end
            order by activity_order, activity_id
        ) as place
    from typed

),

numbered as (

    select
        *,
        row_number() over (
            partition by conversion_type, coalesce(subject_id, activity_id)
            order by activity_order, activity_id
        ) as number_of_subject
    from placed
    where place = 1

),

valued as (

    select
        {{ columns | join(', ') }},
        conversion_type,
        is_event,
        coalesce(
            {{ by_conversion_type(conversion_amounts(specs, 'value', 'amount'), float64()) }}, value
        ) as value,
        {{ by_conversion_type(conversion_amounts(specs, 'verified_value', 'amount'), float64()) }}
            as verified_amount,
        coalesce(
            {{ by_conversion_type(conversion_amounts(specs, 'value', 'currency'), 'string') }},
            currency
        ) as currency
    from numbered
    where number_of_subject = 1 or not is_once

),

customers as (

    select person_id, min(occurred_at) as customer_since
    from {{ ref('activities') }}
    where person_id is not null and (action = 'ordered' or fulfilled = 1)
    group by person_id

),

final as (

    select
        {{ surrogate_key([
            "'conversion'", 'valued.conversion_type',
            'case when valued.is_event then valued.object_type end',
            'case when valued.is_event then coalesce(valued.object_id, valued.activity_id) '
            ~ 'else valued.activity_id end',
        ]) }} as conversion_key,
        valued.conversion_type,
        valued.person_id,
        coalesce(valued.device_id, sessions.device_id) as device_id,
        coalesce(valued.person_id, valued.device_id, sessions.device_id) as subject_id,
        valued.session_key, valued.activity_id, valued.is_event, valued.source, valued.object_type,
        valued.object_id, valued.object_name, valued.occurred_at as converted_at,
        valued.activity_date as conversion_date, valued.activity_order as conversion_order,
        valued.channel_group, valued.campaign,
        {{ converted('valued.value', '(' ~ fx_rate('valued') ~ ')') }} as online_value,
        {{ converted(
            'coalesce(valued.verified_amount, valued.value)', '(' ~ fx_rate('valued') ~ ')'
        ) }} as verified_worth,
        case
            when valued.person_id is not null
                then coalesce(customers.customer_since >= valued.occurred_at, true)
        end as is_new_customer,
        {{ plus_duration_by_type('valued.occurred_at', conversion_deadlines(specs)) }} as verify_by
    from valued
    left join sessions on valued.session_key = sessions.session_key
    left join customers on valued.person_id = customers.person_id
    {{ join_fx_rates('valued', 'valued.activity_date') }}

)

select * from final
