{%- set most, until = 5, today_began() -%}

-- how often people withdraw, by how many messages of the channel they had had in the days before
with counts as (

    select
        *,
        coalesce(counts_to, {{ far_future() }}) as ends_at
    from {{ ref('message_counts') }}

),

-- a window is full only that many days after the first message that is known
observed as (

    select
        channel,
        window_days,
        {{ timestamp_plus('min(counts_from)', 'window_days', 'day') }} as observed_from
    from counts
    group by channel, window_days

),

states as (

    select
        signal_id, person_id, channel, valid_from,
        least(coalesce(valid_to, {{ until }}), {{ until }}) as valid_to, is_open, was_open
    from {{ ref('consent_states') }}
    where purpose = 'marketing' and valid_from < {{ until }}

),

-- the time in which a person could withdraw
open_times as (

    select
        states.person_id,
        states.channel,
        observed.window_days,
        greatest(states.valid_from, observed.observed_from) as open_from,
        states.valid_to as open_to
    from states
    inner join observed on states.channel = observed.channel
    where states.is_open and states.valid_to > observed.observed_from

),

all_time as (

    select
        channel,
        window_days,
        sum(round({{ seconds_between('open_from', 'open_to') }})) as seconds
    from open_times
    group by channel, window_days

),

time_with_messages as (

    select
        open_times.channel,
        open_times.window_days,
        least(counts.messages, {{ most }}) as messages,
        sum(round({{ seconds_between(
            'greatest(open_times.open_from, counts.counts_from)',
            'least(open_times.open_to, counts.ends_at)',
        ) }})) as seconds
    from open_times
    inner join counts
        on open_times.person_id = counts.person_id
        and open_times.channel = counts.channel
        and open_times.window_days = counts.window_days
        and open_times.open_to > counts.counts_from
        and open_times.open_from < counts.ends_at
    where counts.messages > 0
    group by open_times.channel, open_times.window_days, least(counts.messages, {{ most }})

),

-- the message that came at the very moment did not lead to it
withdrawals as (

    select
        states.channel,
        observed.window_days,
        least(coalesce(counts.messages, 0), {{ most }}) as messages,
        count(*) as withdrawals
    from states
    inner join observed
        on states.channel = observed.channel
        and states.valid_from > observed.observed_from
    left join counts
        on states.person_id = counts.person_id
        and states.channel = counts.channel
        and observed.window_days = counts.window_days
        and states.valid_from > counts.counts_from
        and states.valid_from <= counts.ends_at
    where states.was_open and not states.is_open
    group by states.channel, observed.window_days, least(coalesce(counts.messages, 0), {{ most }})

),

numbers as (

    {% for number in range(most + 1) -%}
    select {{ number }} as messages
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

with_time as (

    select
        observed.channel,
        observed.window_days,
        numbers.messages,
        coalesce(withdrawals.withdrawals, 0) as withdrawals,
        case
            when numbers.messages > 0 then coalesce(time_with_messages.seconds, 0)
            else coalesce(all_time.seconds, 0)
                - sum(coalesce(time_with_messages.seconds, 0))
                over (partition by observed.channel, observed.window_days)
        end / 86400 as person_days
    from observed
    cross join numbers
    left join all_time
        on observed.channel = all_time.channel
        and observed.window_days = all_time.window_days
    left join time_with_messages
        on observed.channel = time_with_messages.channel
        and observed.window_days = time_with_messages.window_days
        and numbers.messages = time_with_messages.messages
    left join withdrawals
        on observed.channel = withdrawals.channel
        and observed.window_days = withdrawals.window_days
        and numbers.messages = withdrawals.messages

),

final as (

    select
        channel, window_days, messages, messages = {{ most }} as is_or_more, withdrawals,
        {{ six_decimals('person_days') }} as person_days,
        {{ six_decimals('1000 * withdrawals / nullif(person_days, 0)') }} as per_1000_days,
        {{ six_decimals('1000 * ' ~ poisson_bound('withdrawals', 'person_days', '-')) }}
            as per_1000_days_low,
        {{ six_decimals('1000 * ' ~ poisson_bound('withdrawals', 'person_days', '+')) }}
            as per_1000_days_high
    from with_time

)

select * from final
