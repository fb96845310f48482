-- an event for each trigger of a scenario that is ready, once, with what its row says of the person
with triggers as (

    {{ sync_scenario_triggers() }}

),

customer_numbers as (

    {{ sync_customer_numbers() }}

),

customers as (

    {{ sync_customers() }}

),

wanted as (

    select
        triggers.person_id,
        triggers.scenario,
        triggers.channel,
        triggers.purpose,
        triggers.message_place,
        triggers.trigger_key as sync_key,
        triggers.scenario as field,
        {{ sync_row('triggers', 'customers', 'customer_numbers.customer_no') }} as value,
        coalesce(triggers.trigger_reason, {{ sync_held_back(
            'triggers', 'customer_numbers.customer_no', 'no_external_id', is_message=true,
        ) }}) as held_back_reason
    from triggers
    left join customer_numbers on triggers.person_id = customer_numbers.person_id
    left join customers on triggers.person_id = customers.person_id

),

final as (

    {{ sync_within_caps('wanted', started_by='scenario') }}

)

select * from final
