{%- set rule = madang.sync_rule() -%}
{%- set columns = [
    'activity_id', 'person_id', 'occurred_at', 'source',
    'object_type', 'object_id', 'object_name', 'value', 'currency',
] -%}

-- what happened and Braze gets, each activity once:
-- custom events and purchases, a refund as a purchase below zero
with matched as (

    {{ activities_that_meet(
        ref('activities'),
        braze_event_conditions(rule),
        columns,
        {'event_name': 'string', 'event_array': 'string'}
    ) }}

),

braze_keys as (

    {{ sync_braze_keys() }}

),

permits as (

    {{ sync_person_permits() }}

),

-- money goes back only for purchases that Braze has
sent_orders as (

    select distinct activities.object_type, activities.object_id
    from {{ ref('activities') }} as activities
    inner join {{ ref('stg_sync__deliveries') }} as deliveries
        on activities.activity_id = deliveries.sync_key
    where
        deliveries.sync in ({{ madang.sync_names() }})
        and deliveries.status = 'accepted'
        and activities.value > 0
        and activities.object_id is not null

),

-- an activity that several entries of one list name is sent once under each name
deduplicated as (

    select *
    from matched
    where occurred_at > {{ before_as_of(rule.get('within', '30 days')) }}
    qualify
        row_number() over (
            partition by activity_id, event_name order by event_array, condition_number
        ) = 1

),

final as (

    select
        deduplicated.person_id,
        permits.channel,
        permits.purpose,
        deduplicated.activity_id as sync_key,
        deduplicated.event_name as field,
        {{ json_object({
            'user': 'braze_keys.sync_key',
            'kind': "case deduplicated.event_array when 'purchases' then 'purchase' "
            ~ "else 'event' end",
            'event_id': 'deduplicated.activity_id',
            'happened_micros': 'cast(' ~ micros_of('deduplicated.occurred_at') ~ ' as string)',
            'object_type': 'deduplicated.object_type',
            'object_id': 'deduplicated.object_id',
            'object_name': 'deduplicated.object_name',
            'value': float_text('deduplicated.value'),
            'currency': 'deduplicated.currency',
        }) }} as value,
        case
            when deduplicated.person_id is null then 'nobody_known'
            when deduplicated.source = 'braze' then 'from_braze'
            when deduplicated.event_array = 'purchases'
                and (deduplicated.value is null or deduplicated.currency is null) then 'no_value'
            when permits.person_id is null then 'no_consent'
            when permits.held_back_reason is not null then permits.held_back_reason
            when braze_keys.sync_key is null then 'no_braze_key'
            when deduplicated.event_array = 'purchases' and deduplicated.value < 0
                and sent_orders.object_id is null then 'purchase_not_sent'
        end as held_back_reason
    from deduplicated
    left join permits on deduplicated.person_id = permits.person_id
    left join braze_keys on deduplicated.person_id = braze_keys.person_id
    left join sent_orders
        on deduplicated.object_type = sent_orders.object_type
        and deduplicated.object_id = sent_orders.object_id

)

select * from final
