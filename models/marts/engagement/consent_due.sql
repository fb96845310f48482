{%- set days = var('due_list_days') -%}

-- the notices about a consent that the law wants:
-- the confirmation every two years, and the result within 14 days
with states as (

    select signal_id, person_id, channel, purpose, is_open, decided_at, confirmed_at, valid_to
    from {{ ref('consent_states') }}

),

policy as (

    select channel, purpose, reconfirm_days
    from {{ list_of('consent_policy') }}

),

customers as (

    select person_id, customer_no
    from {{ ref('customers') }}

),

sent as (

    select distinct messages.person_id, notices.kind, messages.sent_at
    from {{ ref('person_messages') }} as messages
    inner join {{ ref('stg_notices__versions') }} as notices
        on messages.campaign_name = notices.campaign_name
    where notices.kind in ('reconfirmation', 'consent_result')

),

-- each confirmation and each notice of it begins the time anew
confirmations as (

    select
        states.signal_id,
        max(sent.sent_at) as sent_at
    from states
    left join sent
        on states.person_id = sent.person_id
        and sent.kind = 'reconfirmation'
        and states.confirmed_at <= sent.sent_at
    where states.valid_to is null and states.is_open
    group by states.signal_id

),

results as (

    select states.signal_id, min(sent.sent_at) as sent_at
    from states
    left join sent
        on states.person_id = sent.person_id
        and sent.kind = 'consent_result'
        and states.decided_at <= sent.sent_at
    where
        states.decided_at > {{ before_as_of(days ~ ' days') }}
        and states.decided_at <= {{ as_of() }}
    group by states.signal_id

),

listed as (

    select
        'reconfirmation' as kind,
        states.signal_id,
        states.person_id,
        states.channel,
        states.purpose,
        states.is_open,
        states.decided_at,
        states.confirmed_at,
        {{ timestamp_plus(
            'coalesce(confirmations.sent_at, states.confirmed_at)', 'policy.reconfirm_days', 'day'
        ) }} as due_at,
        confirmations.sent_at
    from confirmations
    inner join states on confirmations.signal_id = states.signal_id
    inner join policy on states.channel = policy.channel and states.purpose = policy.purpose

    union all

    select
        'consent_result' as kind,
        states.signal_id,
        states.person_id,
        states.channel,
        states.purpose,
        states.is_open,
        states.decided_at,
        states.confirmed_at,
        {{ timestamp_plus('states.decided_at', 14, 'day') }} as due_at,
        results.sent_at
    from results
    inner join states on results.signal_id = states.signal_id

),

with_state as (

    select
        *,
        case
            when kind = 'consent_result' and sent_at > due_at then 'sent_late'
            when kind = 'consent_result' and sent_at is not null then 'sent'
            when sent_at > {{ before_as_of(days ~ ' days') }} then 'sent'
            when due_at <= {{ as_of() }} then 'overdue'
            else 'due'
        end as state
    from listed

),

final as (

    select
        with_state.kind,
        with_state.signal_id,
        with_state.person_id,
        customers.customer_no,
        with_state.channel,
        with_state.purpose,
        with_state.is_open,
        with_state.decided_at,
        with_state.confirmed_at,
        with_state.due_at,
        with_state.sent_at,
        with_state.state
    from with_state
    left join customers on with_state.person_id = customers.person_id
    where
        with_state.state <> 'due'
        or with_state.due_at <= {{ plus_duration(as_of(), days ~ ' days') }}

)

select * from final
