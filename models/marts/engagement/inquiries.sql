with inquiries as (

    select * replace (coalesce(received_at, last_state_at) as received_at)
    from {{ ref('stg_inquiries__inquiries') }}

),

topics as (

    select *
    from {{ ref('inquiry_topics') }}

),

persons as (

    select record_id, person_id, resolved_by
    from {{ ref('record_persons') }}
    where source = 'inquiry'

),

merged as (

    select root_inquiry_id, count(*) - 1 as merged_inquiries
    from inquiries
    group by root_inquiry_id

),

final as (

    select
        inquiries.inquiry_id,
        inquiries.root_inquiry_id,
        persons.person_id,
        persons.resolved_by,
        inquiries.channel as route,
        inquiries.category_1,
        inquiries.category_2,
        inquiries.category_3,
        topics.inquiry_group,
        topics.matched_rule,
        topics.groups_matched,
        topics.rules_version,
        topics.has_masked_text,
        inquiries.order_id,
        inquiries.application_id,
        inquiries.status,
        inquiries.received_at,
        {{ local_date('inquiries.received_at') }} as received_date,
        inquiries.first_answered_at,
        inquiries.closed_at,
        inquiries.last_state_at,
        inquiries.reopenings,
        inquiries.is_open,
        inquiries.is_merged,
        inquiries.merge_problem,
        inquiries.root_inquiry_id = inquiries.inquiry_id as is_root,
        case
            when inquiries.root_inquiry_id = inquiries.inquiry_id then merged.merged_inquiries
            else 0
        end as merged_inquiries
    from inquiries
    inner join topics on inquiries.inquiry_id = topics.inquiry_id
    left join persons on inquiries.inquiry_id = persons.record_id
    inner join merged on inquiries.root_inquiry_id = merged.root_inquiry_id

)

select * from final
