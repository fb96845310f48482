-- what was asked and what became of it
with states as (

    select state_key, inquiry_id, status, previous_status, received_at, state_at
    from {{ ref('stg_inquiries__states') }}

),

inquiries as (

    select inquiry_id, root_inquiry_id, channel, category_1
    from {{ ref('stg_inquiries__inquiries') }}

),

persons as (

    select record_id, person_id
    from {{ ref('record_persons') }}
    where source = 'inquiry'

),

changes as (

    select
        inquiry_id as change_key, inquiry_id, 'inquired' as action, min(received_at) as occurred_at
    from states
    group by inquiry_id

    union all

    select
        state_key as change_key,
        inquiry_id,
        case
            when status in ('answered', 'closed') then concat('inquiry_', status)
            else 'inquiry_reopened'
        end as action,
        state_at as occurred_at
    from states
    where
        coalesce(previous_status, '') <> status
        and (
            status in ('answered', 'closed', 'reopened')
            or (status = 'open' and previous_status in ('answered', 'closed'))
        )

),

final as (

    select
        {{ surrogate_key(["'inquiry'", 'changes.change_key', 'changes.action']) }} as activity_id,
        persons.person_id,
        cast(null as string) as device_id,
        changes.occurred_at,
        {{ local_date('changes.occurred_at') }} as activity_date,
        {{ order_of_micros(micros_of('changes.occurred_at')) }} as activity_order,
        'inquiry' as source,
        changes.action,
        inquiries.channel as object_type,
        inquiries.root_inquiry_id as object_id,
        inquiries.category_1 as object_name,
        cast(null as {{ float64() }}) as value,
        cast(null as string) as currency,
        cast(null as string) as session_key,
        cast(null as string) as channel_group,
        cast(null as string) as campaign
    from changes
    inner join inquiries on changes.inquiry_id = inquiries.inquiry_id
    left join persons on changes.inquiry_id = persons.record_id
    where changes.occurred_at is not null

)

select * from final
