-- what each purchase that the website reported counts as; the rule is told in the YAML beside this
with purchases as (

    select
        event_key,
        event_date,
        event_at,
        event_order,
        device_id,
        user_id,
        session_key,
        transaction_id,
        {{ real_transaction_id('transaction_id') }} as order_id,
        purchase_revenue as revenue,
        currency
    from {{ ref('ga4_purchases') }}
    where event_name = 'purchase'

),

device_owners as (

    select device_id, person_id, valid_from, valid_to
    from {{ ref('device_owners') }}

),

user_ids as (

    select identifier_value as user_id, person_id
    from {{ ref('person_identifiers') }}
    where identifier_type = 'user_id'

),

with_subject as (

    select
        purchases.*,
        {{ known_person() }} as person_id,
        coalesce({{ known_person() }}, purchases.device_id) as subject_id
    from purchases
    {{ join_known_person('purchases') }}

),

-- a placeholder is no id, so each such event stands alone
numbered as (

    select
        *,
        row_number() over (
            partition by subject_id, order_id, case when order_id is null then event_key end
            order by case when revenue > 0 then 0 else 1 end, event_order, event_key
        ) as report_number
    from with_subject

),

final as (

    select
        event_key,
        event_date,
        event_at,
        subject_id,
        person_id,
        device_id,
        session_key,
        transaction_id,
        order_id,
        revenue,
        currency,
        case
            when report_number > 1 then 'duplicate'
            when order_id is null and coalesce(revenue, 0) <= 0 then 'no_revenue'
            else 'counted'
        end as order_status
    from numbered

)

select * from final
