{%- set sources = [
    (
        'crm',
        ref('stg_crm__customers'),
        'coalesce(registered_at, loaded_at)',
        ['name', 'email', 'phone', 'region']
    ),
    ('shop', ref('stg_shop__orders'), 'ordered_at', ['name', 'email', 'phone']),
    ('inquiry', ref('stg_inquiries__inquiries'), 'received_at', ['email', 'phone']),
] -%}

-- which fields each source collected, and under which version of which notice
with notices as (

    select version_key, field, notice_id, version_number, effective_from, effective_to
    from {{ ref('notice_fields') }}

),

boundaries as (

    select field, effective_from as begins_at
    from notices

    union distinct

    select field, effective_to
    from notices
    where effective_to is not null

),

segments as (

    select field, begins_at, lead(begins_at) over (partition by field order by begins_at) as ends_at
    from boundaries

),

-- of several notices that cover a field the one that began last
in_force as (

    select
        segments.field,
        segments.begins_at,
        segments.ends_at,
        notices.version_key,
        notices.notice_id,
        notices.version_number
    from segments
    inner join notices
        on segments.field = notices.field
        and segments.begins_at >= notices.effective_from
        and (notices.effective_to is null or segments.begins_at < notices.effective_to)
    qualify row_number() over (
        partition by segments.field, segments.begins_at
        order by notices.effective_from desc, notices.notice_id
    ) = 1

),

collected as (

    {% for source, relation, at, fields in sources -%}
    {%- set outer_loop = loop -%}
    {%- for field in fields -%}
    select '{{ source }}' as source, '{{ field }}' as field, {{ at }} as collected_at
    from {{ relation }}
    where {{ field }} is not null
    {{ 'union all' if not (loop.last and outer_loop.last) }}
    {% endfor -%}
    {% endfor %}
),

final as (

    select
        collected.source,
        collected.field,
        in_force.version_key,
        in_force.notice_id,
        in_force.version_number,
        count(*) as records,
        min(collected.collected_at) as first_collected_at,
        max(collected.collected_at) as last_collected_at
    from collected
    left join in_force
        on collected.field = in_force.field
        and collected.collected_at >= in_force.begins_at
        and collected.collected_at < coalesce(in_force.ends_at, {{ far_future() }})
    group by
        collected.source, collected.field, in_force.version_key,
        in_force.notice_id, in_force.version_number

)

select * from final
