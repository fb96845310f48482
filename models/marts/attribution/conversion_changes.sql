{%- set by_outcome = conversions_valued_by_outcome(conversion_specs()) -%}
{%- set nothing = 'cast(0 as ' ~ float64() ~ ')' -%}
{%- set since_then = 'partition by conversion_key, withdrawals_before '
    ~ 'order by activity_order, activity_id rows between unbounded preceding' -%}

-- what became of each conversion, change by change:
-- its state and its verified value as they stood from that moment on
with conversions as (

    select
        conversion_key, conversion_type, converted_at, conversion_date, conversion_order, verify_by
    from {{ ref('online_conversions') }}

),

outcomes as (

    select *
    from {{ ref('conversion_outcomes') }}

),

with_history as (

    select
        *,
        count(case when effect = 'verifies' then 1 end) over before_it as verifications_before,
        count(case when effect = 'takes_back' then 1 end) over before_it as withdrawals_before
    from outcomes
    window before_it as (
        partition by conversion_key order by activity_order, activity_id
        rows between unbounded preceding and 1 preceding
    )

),

-- between two withdrawals: the first verification is worth the conversion's own value,
-- or each what its outcome says
with_worth as (

    select
        *,
        count(case when effect = 'verifies' then 1 end) over ({{ since_then }} and current row)
            as verifications_since,
        case
            when effect = 'reduces' then amount
            when effect = 'verifies' and conversion_type in ({{ text_literals(by_outcome) }})
                then amount
            when effect = 'verifies'
            and count(case when effect = 'verifies' then 1 end) over (
                {{ since_then }} and 1 preceding
            ) = 0
                then verified_worth
        end as worth
    from with_history

),

stood as (

    select
        *,
        round(
            sum(case when verifications_since > 0 then worth end) over (
                {{ since_then }} and current row
            ),
            4
        ) as sum_of_worth
    from with_worth

),

-- who is not verified when the day of the deadline is over is lost, if not lost before
missed as (

    select conversions.conversion_key, conversions.conversion_type, conversions.verify_by
    from conversions
    left join (
        select distinct conversion_key
        from outcomes
        where effect in ('verifies', 'takes_back')
    ) as decided on conversions.conversion_key = decided.conversion_key
    where
        decided.conversion_key is null
        and {{ local_date('conversions.verify_by') }} < {{ as_of_day() }}

),

changes as (

    {% for effect, state, relation, moment, day, place in [
        (
            'happens', 'pending', 'conversions', 'converted_at',
            'conversion_date', 'conversion_order'
        ),
        (
            'deadline', 'lost', 'missed', 'verify_by',
            local_date('verify_by'), order_of_micros(micros_of('verify_by'))
        ),
    ] -%}
    select
        conversion_key, conversion_type, '{{ effect }}' as effect, cast(null as string) as action,
        {{ moment }} as changed_at, {{ day }} as change_date, {{ place }} as change_order,
        '' as activity_id, '{{ state }}' as new_state, {{ nothing }} as verified_value
    from {{ relation }}

    union all

    {% endfor -%}
    select
        conversion_key, conversion_type, effect, action, occurred_at as changed_at,
        activity_date as change_date, activity_order as change_order, activity_id,
        case
            when effect = 'verifies' then 'verified'
            when effect = 'takes_back' and verifications_before > 0 then 'reversed'
            when effect = 'takes_back' then 'lost'
        end as new_state,
        case
            when effect = 'takes_back' or verifications_since = 0 or sum_of_worth < 0
                then {{ nothing }}
            else sum_of_worth
        end as verified_value
    from stood

),

numbered as (

    select
        *,
        row_number() over in_order as change_number,
        coalesce(lag(verified_value) over in_order, 0) as value_before,
        {% for name, last in {'state': 'current row', 'state_before': '1 preceding'}.items() -%}
        last_value(new_state ignore nulls) over (
            partition by conversion_key order by change_order, activity_id
            rows between unbounded preceding and {{ last }}
        ) as {{ name }}{{ ',' if not loop.last }}
        {% endfor -%}
    from changes
    window in_order as (partition by conversion_key order by change_order, activity_id)

),

final as (

    select
        {{ surrogate_key(["'conversion change'", 'conversion_key', 'effect', 'activity_id']) }}
            as change_key,
        conversion_key, conversion_type, change_number, effect, action, changed_at, change_date,
        state,
        case when state = 'verified' then 1 else 0 end
        - case when state_before = 'verified' then 1 else 0 end as verified_change,
        verified_value,
        round(verified_value - value_before, 4) as verified_value_change
    from numbered

)

select * from final
