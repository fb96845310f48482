with consents as (

    select consent_id, channel, purpose, status, policy_version, occurred_at
    from {{ ref('stg_consent__events') }}
    where occurred_at is not null

),

persons as (

    select record_id, person_id
    from {{ ref('record_persons') }}
    where source = 'consent'

),

final as (

    select
        {{ surrogate_key(["'consent'", 'consents.consent_id']) }} as activity_id,
        persons.person_id,
        cast(null as string) as device_id,
        consents.occurred_at,
        {{ local_date('consents.occurred_at') }} as activity_date,
        {{ order_of_micros(micros_of('consents.occurred_at')) }} as activity_order,
        'consent' as source,
        concat('consent_', consents.status) as action,
        consents.channel as object_type,
        consents.purpose as object_id,
        consents.policy_version as object_name,
        cast(null as {{ float64() }}) as value,
        cast(null as string) as currency,
        cast(null as string) as session_key,
        cast(null as string) as channel_group,
        cast(null as string) as campaign
    from consents
    left join persons on consents.consent_id = persons.record_id

)

select * from final
