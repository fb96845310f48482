-- the address to write to on each channel:
-- the best that did not bounce for good, else the best with the reason why not
with policy as (

    select channel, purpose, address
    from {{ list_of('consent_policy') }}

),

closed as (

    select address_hash, channel, purpose, reason, occurred_at
    from {{ ref('consent_signals') }}
    where effect = 'closes_address'
    qualify
        row_number() over (
            partition by address_hash, channel, purpose order by occurred_at desc, signal_id
        ) = 1

),

opened as (

    select
        standing.person_id,
        standing.channel,
        standing.purpose,
        signals.address_hash,
        standing.decided_at
    from {{ ref('consent_standing') }} as standing
    inner join {{ ref('consent_signals') }} as signals on standing.signal_id = signals.signal_id
    where standing.effect = 'opens'

),

addresses as (

    select
        person_id, field, value_key, place, is_chosen,
        {{ sha256_hex('field_value') }} as address_hash
    from {{ ref('customer_values') }}
    where field in ('email', 'phone')

),

-- a newer yes opens an address again, unless it names another one
with_standing as (

    select
        addresses.person_id,
        policy.channel,
        policy.purpose,
        addresses.field,
        addresses.value_key,
        addresses.is_chosen,
        addresses.place,
        case
            when
                closed.occurred_at is not null
                and not coalesce(
                    opened.decided_at > closed.occurred_at
                    and coalesce(opened.address_hash, closed.address_hash) = closed.address_hash,
                    false
                )
                then closed.reason
        end as closed_reason
    from addresses
    inner join policy on policy.address in (addresses.field, 'email_or_phone')
    left join closed
        on addresses.address_hash = closed.address_hash
        and policy.channel = closed.channel
        and policy.purpose = closed.purpose
    left join opened
        on addresses.person_id = opened.person_id
        and policy.channel = opened.channel
        and policy.purpose = opened.purpose

),

final as (

    select person_id, channel, purpose, value_key, is_chosen, closed_reason
    from with_standing
    qualify row_number() over (
        partition by person_id, channel, purpose
        order by case when closed_reason is null then 0 else 1 end, place, field, value_key
    ) = 1

)

select * from final
