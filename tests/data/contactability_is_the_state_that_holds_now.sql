-- contactability says of each yes or no what the state of consent_states that holds now says:
-- no state where there was none, a closed one with its reason, else an open one
with states as (

    select person_id, channel, purpose, is_open, reason, signal_id
    from {{ ref('consent_states') }}
    where valid_to is null

)

select
    contactability.person_id,
    contactability.channel,
    contactability.purpose,
    contactability.reason,
    states.is_open,
    states.signal_id
from {{ ref('contactability') }} as contactability
left join states
    on contactability.person_id = states.person_id
    and contactability.channel = states.channel
    and contactability.purpose = states.purpose
where
    (states.is_open is null and contactability.reason <> 'no_consent')
    or (not states.is_open and contactability.reason <> states.reason)
    or (states.is_open and contactability.reason in ('no_consent', 'withdrawn', 'complained'))
    or coalesce(contactability.signal_id, '') <> coalesce(states.signal_id, '')
