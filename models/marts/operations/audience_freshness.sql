{%- set specs = audience_specs() -%}
{%- set needs = [] -%}
{%- for name, spec in specs.items() -%}
{%- for source in spec.get('requires_fresh', []) -%}
    {%- do needs.append((name, source)) -%}
{%- endfor -%}
{%- endfor -%}

-- audiences that want a source to be fresh (`requires_fresh`), and the first one that is not
with needs as (

    {% for audience, source in needs -%}
    select '{{ audience }}' as audience, '{{ source }}' as source_name
    {{ 'union all' if not loop.last }}
    {% else -%}
    select '' as audience, '' as source_name
    {% endfor %}

),

freshness as (

    select
        source_name,
        max(case when status in ('late', 'never') then 1 else 0 end) = 1 as is_late,
        max(hours_late) as hours_late
    from {{ ref('source_freshness') }}
    group by source_name

),

final as (

    select
        needs.audience,
        min(case when coalesce(freshness.is_late, true) then needs.source_name end) as late_source,
        count(case when coalesce(freshness.is_late, true) then 1 end) = 0 as is_fresh,
        max(freshness.hours_late) as hours_late
    from needs
    left join freshness on needs.source_name = freshness.source_name
    where needs.audience <> ''
    group by needs.audience

)

select * from final
