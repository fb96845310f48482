with scenarios as (

    {{ scenario_rows() }}

),

triggers as (

    select
        scenario,
        {%- for state in [
            'completed', 'renewed', 'waiting', 'cooled', 'ready', 'cancelled', 'expired', 'used'
        ] %}
        count(case when state = '{{ state }}' then 1 end) as {{ state }},
        {%- endfor %}
        count(case when is_false_positive then 1 end) as false_positives,
        count(case when ended_at > used_at then 1 end) as ended_after_use,
        count(*) as starts
    from {{ ref('scenario_triggers') }}
    group by scenario

),

final as (

    select
        scenarios.scenario,
        scenarios.label,
        {%- for column in [
            'starts', 'completed', 'renewed', 'waiting', 'cooled', 'ready', 'cancelled', 'expired',
            'used', 'false_positives', 'ended_after_use'
        ] %}
        coalesce(triggers.{{ column }}, 0) as {{ column }},
        {%- endfor %}
        round(1e6 * triggers.false_positives / nullif(triggers.used, 0)) / 1e6
            as false_positive_rate
    from scenarios
    left join triggers on scenarios.scenario = triggers.scenario

)

select * from final
