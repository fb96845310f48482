{#
    One row per month, from the month of a relation's first moment to that of the run's clock: month
    (its first day), starts_at, ends_at and is_over. The current month ends at the run's clock.
#}
{% macro months_since(relation, column) -%}
    select
        month,
        {{ madang.timestamp_from_local_text('cast(month as string)') }} as starts_at,
        least(
            {{ madang.timestamp_from_local_text('cast(next_month as string)') }},
            {{ madang.as_of() }}
        ) as ends_at,
        next_month <= {{ madang.local_date(madang.as_of()) }} as is_complete
    from (
        select day as month, {{ madang.month_before('day', '-1') }} as next_month
        from (select {{ madang.month_before(
            madang.local_date('min(' ~ column ~ ')'), 0
        ) }} as first_month from {{ relation }}) as span
        cross join {{ madang.dates_between(
            'span.first_month', madang.local_date(madang.as_of()), 'day'
        ) }}
        where day = {{ madang.month_before('day', 0) }}
    ) as first_days
{%- endmacro %}
