-- each inquiry as it stands: its last state by the moment it happened, the first answer, reopenings, merges
with states as (

    select
        *,
        status = 'reopened' or (status = 'open' and previous_status in ('closed', 'answered')) as is_reopening
    from {{ ref('stg_inquiries__states') }}

),

-- what a later row leaves empty an earlier one may have said
inquiries as (

    select
        inquiry_id,
        min(received_at) as received_at,
        max(state_at) as last_state_at,
        max(case when is_last then status end) as status,
        min(case when status in ('answered', 'closed') then state_at end) as first_answered_at,
        max(case when status = 'closed' then state_at end) as closed_at,
        cast(sum(case when is_reopening then 1 else 0 end) as int64) as reopenings,
        {% for column in [
            'channel', 'category_1', 'category_2', 'category_3', 'content', 'customer_no', 'email', 'phone', 'email_hash',
            'phone_hash', 'order_id', 'application_id', 'merged_into',
        ] -%}
        {{ last_by(column, 'state_at') }} as {{ column }},
        {% endfor -%}
        max(loaded_at) as loaded_at
    from states
    group by inquiry_id

),

-- merged into one that was merged: four in a row are followed; those merged into one another stay what they are
final as (

    select
        inquiries.* replace (
            case when inquiries.status in ('closed', 'merged') then inquiries.closed_at end as closed_at
        ),
        case
            when inquiries.inquiry_id in (second.merged_into, third.merged_into, fourth.merged_into)
                then inquiries.inquiry_id
            else coalesce(
                fourth.merged_into, third.merged_into, second.merged_into, inquiries.merged_into, inquiries.inquiry_id
            )
        end as root_inquiry_id,
        inquiries.merged_into is not null as is_merged,
        inquiries.status in ('open', 'pending', 'reopened') as is_open
    from inquiries
    left join inquiries as second on inquiries.merged_into = second.inquiry_id
    left join inquiries as third on second.merged_into = third.inquiry_id
    left join inquiries as fourth on third.merged_into = fourth.inquiry_id

)

select * from final
