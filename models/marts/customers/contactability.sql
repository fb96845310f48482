-- denied unless a yes that still stands,
-- a person who is still there and an open address say otherwise
with policy as (

    select channel, purpose, reconfirm_days, night_needs_consent
    from {{ list_of('consent_policy') }}

),

customers as (

    select person_id, customer_no is not null and not is_in_crm as has_left_crm
    from {{ ref('customers') }}

),

standing as (

    select *
    from {{ ref('consent_standing') }}

),

addresses as (

    select person_id, channel, purpose, value_key, is_chosen, closed_reason
    from {{ ref('contact_addresses') }}

),

with_reason as (

    select
        customers.person_id,
        policy.channel,
        policy.purpose,
        policy.reconfirm_days,
        policy.night_needs_consent,
        standing.is_open,
        standing.signal_id,
        standing.source,
        standing.signal,
        standing.is_night,
        standing.policy_version,
        standing.decided_at,
        standing.confirmed_at,
        addresses.value_key,
        addresses.is_chosen,
        case
            when standing.is_open is null then 'no_consent'
            when not standing.is_open then standing.reason
            {% if not var('contact_customers_who_left') -%}
            when customers.has_left_crm then 'left_crm'
            {% endif -%}
            when addresses.value_key is null then 'no_address'
            else coalesce(addresses.closed_reason, 'allowed')
        end as reason
    from customers
    cross join policy
    left join standing
        on customers.person_id = standing.person_id
        and policy.channel = standing.channel
        and policy.purpose = standing.purpose
    left join addresses
        on customers.person_id = addresses.person_id
        and policy.channel = addresses.channel
        and policy.purpose = addresses.purpose

),

final as (

    select
        person_id,
        channel,
        purpose,
        reason = 'allowed' as is_allowed,
        reason,
        signal_id,
        source as decided_by,
        signal as decided_by_signal,
        decided_at,
        policy_version,
        reason = 'allowed'
        and (not night_needs_consent or coalesce(is_night, false)) as is_night_allowed,
        case when is_open then {{ timestamp_plus('confirmed_at', 'reconfirm_days', 'day') }} end
            as reconfirm_due_at,
        case when reason = 'allowed' then value_key end as address_value_key,
        case when reason = 'allowed' then is_chosen end as is_main_address
    from with_reason

)

select * from final
