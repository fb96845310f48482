-- what rests on each source: marts and syncs by lineage,
-- audiences by the actions that their rules name
with dependents as (

    {% set rows = [] -%}
    {% for source_name, names in source_dependents().items() -%}
    {% for name, kind in names.items() -%}
    {% do rows.append((source_name, name, kind)) -%}
    {% endfor -%}
    {% endfor -%}
    {% for source_name, name, kind in rows -%}
    select '{{ source_name }}' as source_name, '{{ name }}' as dependent, '{{ kind }}' as kind
    {{ 'union all' if not loop.last }}
    {% else -%}
    select '' as source_name, '' as dependent, '' as kind
    {% endfor %}

),

freshness as (

    select
        source_name,
        max(hours_late) as hours_late,
        max(case when status = 'late' then 1 else 0 end) = 1 as is_late,
        max(case when status in ('never', 'not_used') then 0 else 1 end) = 0 as is_missing
    from {{ ref('source_freshness') }}
    group by source_name

),

final as (

    select
        dependents.source_name,
        dependents.dependent,
        dependents.kind,
        coalesce(freshness.is_late, false) as rests_on_late,
        coalesce(freshness.is_missing, true) as rests_on_missing,
        freshness.hours_late
    from dependents
    left join freshness on dependents.source_name = freshness.source_name
    where dependents.source_name <> ''

)

select * from final
