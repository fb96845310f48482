{#
    Cumulative incidence of two competing events (Aalen-Johansen) by day, with standard errors by
    the delta method.

    `cases` has one row per case: stratum_key, observed_days (whole days), exit_day (counted from 1)
    and cause (1 or 2). The last two are null where no event ended the case. A day that is not over
    for a case is left out, with its events. Otherwise that day would look better or worse than it
    is. A row describes the end of its day; day 0 is the start.

    probability_after: the chance of an event of cause 1 after day a, for a case that is still there
    at its end. Its variance is that of Marubini and Valsecchi's formula, for the days after a.
    Nothing is assumed to happen after the last observed day.
#}
{% macro cumulative_incidence(cases) %}
{{ incidence_counts(cases) }}

hazards as (

    select
        *,
        case when day > 0 then events_1 / at_risk else 0 end as hazard_1,
        case when day > 0 then (events_1 + events_2) / at_risk else 0 end as hazard
    from counted

),

survived as (

    select
        *,
        case
            when max(case when hazard >= 1 then 1 else 0 end) over up_to_day = 1 then 0
            else exp(sum(case when hazard < 1 then ln(1 - hazard) else 0 end) over up_to_day)
        end as remaining
    from hazards
    window up_to_day
        as (partition by stratum_key order by day rows between unbounded preceding and current row)

),

begun as (

    select
        *,
        coalesce(lag(remaining) over (partition by stratum_key order by day), 1) as remaining_before
    from survived

),

incidence as (

    select
        *,
        sum(remaining_before * hazard_1) over up_to_day as incidence_1,
        sum(remaining_before * (hazard - hazard_1)) over up_to_day as incidence_2,
        sum(remaining_before * hazard_1) over (partition by stratum_key) as incidence_1_at_end
    from begun
    window up_to_day
        as (partition by stratum_key order by day rows between unbounded preceding and current row)

),
{{ incidence_errors() }}
{% endmacro %}


{# How many are at risk on each day, and how many leave on it, by cause. #}
{% macro incidence_counts(cases) %}
with cases as (

    select
        stratum_key,
        least(
            case when exit_day <= observed_days then exit_day else observed_days end,
            {{ maturity_days() }}
        ) as days,
        case when exit_day <= least(observed_days, {{ maturity_days() }}) then cause end as cause
    from {{ cases }}

),

ends as (

    select
        stratum_key,
        days,
        count(*) as cases,
        count(case when cause = 1 then 1 end) as events_1,
        count(case when cause = 2 then 1 end) as events_2
    from cases
    group by stratum_key, days

),

strata as (

    select stratum_key, max(days) as last_day
    from ends
    group by stratum_key

),

grid as (

    select strata.stratum_key, strata.last_day, day
    from strata
    cross join {{ rows_of_array(range(maturity_days() + 1) | list, 'day') }}
    where day <= strata.last_day

),

counted as (

    select
        grid.stratum_key,
        grid.day,
        coalesce(ends.events_1, 0) as events_1,
        coalesce(ends.events_2, 0) as events_2,
        cast(sum(coalesce(ends.cases, 0)) over (
            partition by grid.stratum_key
            order by grid.day desc
        ) as {{ float64() }}) as at_risk
    from grid
    left join ends
        on grid.stratum_key = ends.stratum_key
        and grid.day = ends.days

),
{% endmacro %}


{#
    The second half of it: `incidence` has the curve;
    the terms of the variance add up over the days before, or after.
#}
{% macro incidence_errors() %}
terms as (

    select
        *,
        remaining_before * remaining_before * hazard_1 * (1 - hazard_1) / at_risk as term_1,
        remaining_before * hazard_1 / at_risk as term_2,
        case when hazard < 1 then hazard / (at_risk * (1 - hazard)) else 0 end as term_3
    from incidence

),

variances as (

    select
        *,
        {#
            sums over the days before of (incidence then - incidence of the term's day),
            multiplied out
        #}
        sum(term_1) over up_to_day
        - 2 * (incidence_1 * sum(term_2) over up_to_day - sum(term_2 * incidence_1) over up_to_day)
        + incidence_1 * incidence_1 * sum(term_3) over up_to_day
        - 2 * incidence_1 * sum(term_3 * incidence_1) over up_to_day
        + sum(term_3 * incidence_1 * incidence_1) over up_to_day as variance_1,
        coalesce(sum(
            term_1
            - 2 * (incidence_1_at_end - incidence_1) * term_2
            + (incidence_1_at_end - incidence_1) * (incidence_1_at_end - incidence_1) * term_3
        ) over after_day, 0) as variance_after
    from terms
    window
        up_to_day as (
            partition by stratum_key order by day rows between unbounded preceding and current row
        ),
        after_day as (
            partition by stratum_key order by day rows between 1 following and unbounded following
        )

),

final as (

    select
        stratum_key,
        cast(day as int64) as day,
        cast(at_risk as int64) as at_risk,
        events_1,
        events_2,
        round(remaining, 12) as remaining,
        round(incidence_1, 12) as incidence_1,
        round(incidence_2, 12) as incidence_2,
        round(sqrt(greatest(round(variance_1, 15), 0)), 9) as incidence_1_error,
        case when incidence_1_at_end - incidence_1 > 1e-12 and remaining > 0
            then round((incidence_1_at_end - incidence_1) / remaining, 12) else 0 end
                as probability_after,
        case
            when remaining > 0
                then round(sqrt(greatest(round(variance_after, 15), 0)) / remaining, 9)
            else 0
        end as probability_after_error
    from variances

)

select * from final
{% endmacro %}


{# The longest time, in days, in which a conversion ripens. #}
{% macro maturity_days() %}{{ return(var('maturity_days')) }}{% endmacro %}


{#
    The half width of an interval that holds 90 % of a normal distribution, in standard deviations.
#}
{% macro width_of_90_percent() %}{{ return('1.6448536269514722') }}{% endmacro %}


{# Whole days from one instant to a later one. #}
{% macro whole_days(earlier, later) -%}
    cast(floor({{ seconds_between(earlier, later) }} / 86400) as int64)
{%- endmacro %}
