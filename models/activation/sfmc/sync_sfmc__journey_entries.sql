-- who is to enter a journey now: once,
-- or again after a new entry into the audience and so many days
with permits as (

    {{ sync_permits() }}

),

customer_numbers as (

    {{ sync_customer_numbers() }}

),

customers as (

    {{ sync_customers() }}

),

journeys as (
    {{ sync_journeys() }}

),

memberships as (

    select audience, person_id, max(entered_at) as entered_at
    from {{ ref('audience_membership') }}
    group by audience, person_id

),

-- what was sent, or may have been
sent as (

    select
        plan_id,
        sync_key,
        field,
        {{ regex_replace('field', '#[0-9]+$', '') }} as journey
    from {{ ref('stg_sync__deliveries') }}
    where status in ('accepted', 'unknown') and sync in ({{ madang.sync_names() }})

),

-- by any of the person's numbers
earlier_entries as (

    select
        numbers.person_id,
        sent.journey,
        count(distinct concat(sent.sync_key, ' ', sent.field)) as entries,
        max(plans.as_of) as last_entry_at
    from sent
    inner join {{ ref('stg_sync__plans') }} as plans on sent.plan_id = plans.plan_id
    inner join {{ ref('customer_numbers') }} as numbers on sent.sync_key = numbers.customer_no
    group by numbers.person_id, sent.journey

),

with_earlier_entries as (

    select
        permits.*,
        journeys.journey,
        journeys.message_place,
        journeys.again_after_days,
        customer_numbers.customer_no,
        memberships.entered_at,
        coalesce(earlier_entries.entries, 0) as entries,
        earlier_entries.last_entry_at,
        {{ sync_row('permits', 'customers', 'customer_numbers.customer_no', 'SubscriberKey') }}
            as value,
        {{ sync_held_back(
            'permits',
            'customer_numbers.customer_no',
            'no_external_id',
            known_address='permits.is_main_address',
            is_message=true,
        ) }} as not_permitted
    from permits
    inner join journeys on concat(permits.audience, '_', permits.channel) = journeys.journey
    left join customer_numbers on permits.person_id = customer_numbers.person_id
    left join customers on permits.person_id = customers.person_id
    left join memberships
        on permits.audience = memberships.audience and permits.person_id = memberships.person_id
    left join earlier_entries
        on permits.person_id = earlier_entries.person_id
        and journeys.journey = earlier_entries.journey

),

wanted as (

    select
        person_id,
        audience,
        channel,
        purpose,
        message_place,
        customer_no as sync_key,
        concat(journey, '#', cast(entries + 1 as string)) as field,
        value,
        coalesce(
            not_permitted,
            case
                when entries = 0 then null
                when again_after_days is null or coalesce(entered_at <= last_entry_at, true)
                    then 'entered_before'
                when {{ seconds_between('last_entry_at', as_of()) }} < again_after_days * 86400
                    then 'cooling_down'
            end
        ) as held_back_reason
    from with_earlier_entries

),

final as (

    {{ sync_within_caps('wanted') }}

)

select * from final
