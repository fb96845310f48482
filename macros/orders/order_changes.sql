{#
    What orders brought and took back, with `fx_rate`: a query that stands alone. `activities` has
    action, source, object_id, subject_id, activity_date, value and currency. What is taken back
    goes by the rate of the order's day, as the order did.
#}
{% macro order_changes(activities) -%}
    with changes as (
        select *, min(activity_date) over (partition by source, object_id, subject_id) as order_date
        from {{ activities }}
        where action in ('ordered', 'refunded', 'partly_refunded', 'order_cancelled')
    )

    select changes.*, {{ fx_rate('changes') }} as fx_rate
    from changes
    {{ join_fx_rates('changes', 'changes.order_date') }}
{%- endmacro %}
