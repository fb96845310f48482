-- depends_on: {{ ref('record_persons') }}
{%- set streams = own_streams() %}

-- the staging models of the company itself, as their meta.stream says
with persons as (

    {% if streams -%}
    select source, record_id, person_id
    from {{ ref('record_persons') }}
    {%- else -%}
    select
        cast(null as string) as source, cast(null as string) as record_id,
        cast(null as string) as person_id
    {%- endif %}

),

happened as (

    {% for stream in streams -%}
    select
        {{ text_literal(stream.source) }} as source,
        cast({{ stream.key }} as string) as record_id,
        {{ stream.occurred_at }} as occurred_at,
        {% for column in ['action', 'object_type', 'object_id', 'object_name'] -%}
        {{ stream_text(stream.get(column)) }} as {{ column }},
        {% endfor -%}
        cast({{ stream.value.column if stream.get('value') else 'null' }} as {{ float64() }})
            as value,
        {{ stream_text(stream.get('currency')) }} as currency
    from {{ ref(stream.model) }}
    {{ 'union all' if not loop.last }}
    {% else -%}
    select
        source,
        record_id,
        cast(null as timestamp) as occurred_at,
        {% for column in ['action', 'object_type', 'object_id', 'object_name'] -%}
        cast(null as string) as {{ column }},
        {% endfor -%}
        cast(null as {{ float64() }}) as value,
        cast(null as string) as currency
    from persons
    where false
    {% endfor %}
),

final as (

    select
        {{ surrogate_key(['happened.source', 'happened.record_id', 'happened.action']) }}
            as activity_id,
        persons.person_id,
        cast(null as string) as device_id,
        happened.occurred_at,
        {{ local_date('happened.occurred_at') }} as activity_date,
        {{ order_of_micros(micros_of('happened.occurred_at')) }} as activity_order,
        happened.source,
        happened.action,
        happened.object_type,
        happened.object_id,
        happened.object_name,
        happened.value,
        happened.currency,
        cast(null as string) as session_key,
        cast(null as string) as channel_group,
        cast(null as string) as campaign
    from happened
    left join persons
        on happened.source = persons.source
        and happened.record_id = persons.record_id
    where happened.occurred_at is not null and happened.action is not null

)

select * from final
