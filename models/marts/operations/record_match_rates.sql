{%- set questions = {
    'person': 'person_id', 'visit': 'session_key', 'application': 'application_id'
} -%}

with matches as (

    select * from {{ ref('record_matches') }}

),

answers as (

    {% for met, column in questions.items() -%}
    select
        source,
        record_date,
        '{{ met }}' as met,
        {{ met }}_rule as rule,
        {{ column }} is not null as is_met
    from matches
    where {{ met }}_rule is not null
    {{ 'union all' if not loop.last }}

    {% endfor %}
),

counted as (

    select
        source,
        record_date,
        met,
        is_met,
        rule,
        count(*) as records
    from answers
    group by source, record_date, met, is_met, rule

),

final as (

    select
        {{ surrogate_key(['source', 'record_date', 'met', 'is_met', 'rule']) }} as rate_key,
        *,
        records / sum(records) over (partition by source, record_date, met) as share
    from counted

)

select * from final
