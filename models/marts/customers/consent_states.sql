{%- set moment = 'coalesce(occurred_at, ' ~ far_future() ~ ')' -%}
{%- set is_past = nothing_lies_ahead(moment, [ref('consent_signals')]) -%}
{%- set given = "effect in ('opens', 'starts', 'keeps')"
    ~ ('' if is_past else ' and occurred_at <= ' ~ as_of()) -%}

-- from when until when each yes and no counted;
-- a yes counts once it was given, a no as soon as it is known
with signals as (

    select
        *,
        {% if is_past -%}
        occurred_at as counts_from
        {%- else -%}
        case
            when effect = 'closes' and not coalesce(occurred_at <= {{ as_of() }}, false)
                then {{ as_of() }}
            else occurred_at
        end as counts_from
        {%- endif %}
    from {{ ref('consent_signals') }}
    where
        person_id is not null
        and (effect = 'closes' or ({{ given }}))

),

-- at the same moment a no wins, then the person's own yes,
-- then the yes that does not allow the night
placed as (

    select
        *,
        row_number() over (
            partition by person_id, channel, purpose, counts_from
            order by
                case effect
                    when 'closes' then 0
                    when 'opens' then 1
                    when 'starts' then 2
                    else 3
                end,
                occurred_at desc,
                case when is_night then 1 else 0 end,
                signal_id
        ) as place
    from signals

),

with_history as (

    select
        *,
        count(case when effect in ('closes', 'opens') then 1 end) over (
            partition by person_id, channel, purpose order by counts_from, place
        ) as own_words,
        max(case when effect <> 'closes' then occurred_at end) over (
            partition by person_id, channel, purpose order by counts_from, place
        ) as confirmed_by_then
    from placed

),

-- what is not the person's own act opens only where the person never said anything
decided as (

    select
        *,
        place = 1
        and (effect in ('closes', 'opens') or (effect = 'starts' and own_words = 0)) as is_deciding
    from with_history

),

with_state as (

    select
        *,
        count(case when is_deciding then 1 end) over (
            partition by person_id, channel, purpose order by counts_from, place
        ) as state_number
    from decided

),

with_confirmation as (

    select
        *,
        max(confirmed_by_then) over (partition by person_id, channel, purpose, state_number)
            as confirmed_at
    from with_state

),

final as (

    select
        signal_id,
        person_id,
        channel,
        purpose,
        state_number,
        counts_from as valid_from,
        lead(counts_from) over (partition by person_id, channel, purpose order by state_number)
            as valid_to,
        effect <> 'closes' as is_open,
        coalesce(
            lag(effect) over (partition by person_id, channel, purpose order by state_number),
            'closes'
        ) <> 'closes' as was_open,
        effect,
        reason,
        source,
        signal,
        via,
        met_by,
        is_night,
        policy_version,
        occurred_at as decided_at,
        confirmed_at
    from with_confirmation
    where is_deciding

)

select * from final
