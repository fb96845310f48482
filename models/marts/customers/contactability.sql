-- denied unless a consent that still stands and an address say otherwise
with policy as (

    select channel, purpose, address, reconfirm_days, night_needs_consent
    from {{ ref('consent_policy') }}

),

customers as (

    select person_id, email, phone
    from {{ ref('customers') }}

),

consents as (

    select
        record_persons.person_id,
        consents.consent_id,
        consents.channel,
        consents.purpose,
        consents.status,
        consents.is_night,
        consents.occurred_at,
        consents.policy_version
    from {{ ref('stg_consent__events') }} as consents
    inner join {{ ref('record_persons') }} as record_persons
        on consents.consent_id = record_persons.record_id
        and record_persons.source = 'consent'
    where record_persons.person_id is not null and consents.occurred_at <= {{ as_of() }}

),

-- the last word counts, whichever of a person's numbers or addresses gave it; at the same moment a withdrawal wins
decisions as (

    select *
    from consents
    where status in ('granted', 'withdrawn')
    qualify row_number() over (
        partition by person_id, channel, purpose
        order by occurred_at desc, case status when 'withdrawn' then 0 else 1 end, consent_id
    ) = 1

),

confirmations as (

    select person_id, channel, purpose, max(occurred_at) as confirmed_at
    from consents
    where status in ('granted', 'confirmed')
    group by person_id, channel, purpose

),

judged as (

    select
        customers.person_id,
        policy.channel,
        policy.purpose,
        policy.reconfirm_days,
        policy.night_needs_consent,
        decisions.consent_id,
        decisions.status,
        decisions.is_night,
        decisions.occurred_at,
        decisions.policy_version,
        confirmations.confirmed_at,
        case
            when decisions.status is null then 'no_consent'
            when decisions.status = 'withdrawn' then 'withdrawn'
            when policy.address = 'email' and customers.email is not null then 'allowed'
            when policy.address = 'phone' and customers.phone is not null then 'allowed'
            else 'no_address'
        end as reason
    from customers
    cross join policy
    left join decisions
        on customers.person_id = decisions.person_id
        and policy.channel = decisions.channel
        and policy.purpose = decisions.purpose
    left join confirmations
        on customers.person_id = confirmations.person_id
        and policy.channel = confirmations.channel
        and policy.purpose = confirmations.purpose

),

final as (

    select
        person_id,
        channel,
        purpose,
        reason = 'allowed' as is_allowed,
        reason,
        consent_id,
        status as consent_status,
        occurred_at as consent_at,
        policy_version,
        reason = 'allowed' and (not night_needs_consent or coalesce(is_night, false)) as is_night_allowed,
        case
            when status = 'granted' then {{ timestamp_plus('confirmed_at', 'reconfirm_days', 'day') }}
        end as reconfirm_due_at
    from judged

)

select * from final
