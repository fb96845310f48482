{%- set reasons = [
    ('visits of programs and colleagues', 'sessions', "traffic_kind <> 'visitor'"),
    ('visits after the clock', 'sessions', 'started_at > ' ~ as_of()),
    ('touches of neither a person nor a device', 'touches', 'subject_id is null'),
    ('conversions of neither a person nor a device', 'conversions', 'subject_id is null'),
    ('conversions without a value', 'conversions', 'online_value is null'),
    (
        'conversions without a number for an outcome',
        'conversions',
        'object_id is null and verify_by is not null'
    ),
    ('outcomes after the deadline', 'conversions', 'verified_too_late_at is not null'),
    ('conversions without a touch', 'attribution_paths', 'is_converted and touches = 0'),
] -%}

-- what attribution cannot use, counted, so that nothing is left out in silence
with counted as (

    {% for reason, relation, condition in reasons -%}
    select
        '{{ relation }}' as counted_in,
        '{{ reason }}' as reason,
        count(case when {{ condition }} then 1 end) as left_out,
        count(*) as of_all
    from {{ ref(relation) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select reason, counted_in, left_out, of_all
    from counted

)

select * from final
