with funnels as (

    {{ funnel_rows() }}

),

entries as (

    select
        entries.funnel,
        {{ local_date('entries.entered_at') }} as entry_date,
        entries.breakdown,
        entries.state,
        {{ micros_of(
            "case entries.state when 'converted' then steps.reached_at "
            ~ "when 'lost' then entries.window_ends_at else " ~ as_of() ~ " end"
        ) }} - {{ micros_of('entries.entered_at') }} as micros
    from {{ ref('funnel_entries') }} as entries
    inner join {{ ref('funnel_steps') }} as steps on entries.entry_key = steps.entry_key
    where steps.is_last_step

),

ends as (

    select
        funnel,
        entry_date,
        breakdown,
        micros,
        count(*) as ended,
        count(case when state = 'converted' then 1 end) as converted,
        count(case when state = 'lost' then 1 end) as lost
    from entries
    group by funnel, entry_date, breakdown, micros

),

-- the chance of each end at its time, of those that were still there
hazards as (

    select
        *,
        converted / sum(ended) over still_there as conversion_hazard,
        lost / sum(ended) over still_there as loss_hazard
    from ends
    window still_there as (
        partition by funnel, entry_date, breakdown
        order by micros desc
        rows between unbounded preceding and current row
    )

),

-- a hazard of 1 is the last of its day, so its logarithm is never asked for
surviving as (

    select
        *,
        coalesce(exp(sum(
            case
                when conversion_hazard + loss_hazard < 1
                    then ln(1 - conversion_hazard - loss_hazard)
                else 0
            end
        ) over before), 1) as remaining
    from hazards
    window before as (
        partition by funnel, entry_date, breakdown
        order by micros
        rows between unbounded preceding and 1 preceding
    )

),

days as (

    select
        funnel,
        entry_date,
        breakdown,
        sum(ended) as entries,
        sum(converted) as converted,
        sum(lost) as lost,
        round(sum(remaining * conversion_hazard), 12) as conversion_incidence,
        round(sum(remaining * loss_hazard), 12) as loss_incidence
    from surviving
    group by funnel, entry_date, breakdown

),

-- every day since the first entry of any funnel, also where no subject came
breakdowns as (

    select funnels.funnel, funnels.window_micros, coalesce(known.breakdown, '(none)') as breakdown
    from funnels
    left join (select distinct funnel, breakdown from entries) as known
        on funnels.funnel = known.funnel

),

span as (

    select coalesce(min(entry_date), {{ local_date(as_of()) }}) as first_date
    from entries

),

calendar as (

    select
        breakdowns.funnel,
        entry_date,
        breakdowns.breakdown,
        {{ micros_of(
            timestamp_from_local_text('cast(' ~ date_plus('entry_date', 1) ~ ' as string)')
        ) }}
        + breakdowns.window_micros <= {{ micros_of(as_of()) }} as is_finished
    from breakdowns
    cross join span
    cross join {{ dates_between('span.first_date', local_date(as_of()), 'entry_date') }}

),

final as (

    select
        calendar.funnel,
        calendar.entry_date,
        calendar.breakdown,
        calendar.is_finished,
        coalesce(days.entries, 0) as entries,
        coalesce(days.converted, 0) as converted_entries,
        coalesce(days.lost, 0) as lost_entries,
        coalesce(days.entries - days.converted - days.lost, 0) as open_entries,
        days.converted / nullif(days.entries, 0) as conversion_rate,
        days.conversion_incidence,
        days.loss_incidence,
        round(1 - days.conversion_incidence - days.loss_incidence, 12) as undecided
    from calendar
    left join days
        on calendar.funnel = days.funnel
        and calendar.entry_date = days.entry_date
        and calendar.breakdown = days.breakdown

)

select * from final
