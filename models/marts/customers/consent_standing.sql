-- where a person's last no and last yes leave them; a yes counts once it was given, a no as soon as it is known
with signals as (

    select *
    from {{ ref('consent_signals') }}
    where person_id is not null and (effect = 'closes' or occurred_at <= {{ as_of() }})

),

closed as (

    select *
    from signals
    where effect = 'closes'
    qualify row_number() over (partition by person_id, channel, purpose order by occurred_at desc, signal_id) = 1

),

-- at the same moment a no wins; what is not the person's own act opens only what was never closed
opened as (

    select signals.*
    from signals
    left join closed
        on signals.person_id = closed.person_id
        and signals.channel = closed.channel
        and signals.purpose = closed.purpose
    where
        signals.effect in ('opens', 'starts')
        and (closed.person_id is null or (signals.effect = 'opens' and signals.occurred_at > closed.occurred_at))
    qualify row_number() over (
        partition by signals.person_id, signals.channel, signals.purpose
        order by
            case signals.effect when 'opens' then 0 else 1 end,
            signals.occurred_at desc,
            case when signals.is_night then 1 else 0 end,
            signals.signal_id
    ) = 1

),

decided as (

    select *
    from opened

    union all

    select closed.*
    from closed
    left join opened
        on closed.person_id = opened.person_id
        and closed.channel = opened.channel
        and closed.purpose = opened.purpose
    where opened.person_id is null

),

confirmations as (

    select person_id, channel, purpose, max(occurred_at) as confirmed_at
    from signals
    where effect in ('opens', 'starts', 'keeps')
    group by person_id, channel, purpose

),

final as (

    select
        decided.person_id,
        decided.channel,
        decided.purpose,
        decided.effect,
        decided.effect <> 'closes' as is_open,
        decided.reason,
        decided.signal_id,
        decided.source,
        decided.signal,
        decided.address_hash,
        decided.is_night,
        decided.policy_version,
        decided.occurred_at as decided_at,
        confirmations.confirmed_at
    from decided
    left join confirmations
        on decided.person_id = confirmations.person_id
        and decided.channel = confirmations.channel
        and decided.purpose = confirmations.purpose

)

select * from final
