{%- set jumps = 4 -%}

-- each inquiry as it stands: its last state by the moment it happened, the first answer,
-- reopenings, merges
with states as (

    select
        *,
        status = 'reopened'
        or (status = 'open' and previous_status in ('closed', 'answered')) as is_reopening
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
            'channel', 'category_1', 'category_2', 'category_3', 'content',
            'customer_no', 'email', 'phone', 'email_hash', 'phone_hash',
            'chat_key', 'order_id', 'application_id', 'merged_into',
        ] -%}
        {{ last_by(column, 'state_at') }} as {{ column }},
        {% endfor -%}
        max(loaded_at) as loaded_at
    from states
    group by inquiry_id

),

-- the inquiry that a merge leads to, where the desk's files have it
steps_1 as (

    select inquiries.inquiry_id, coalesce(targets.inquiry_id, inquiries.inquiry_id) as target_id
    from inquiries
    left join inquiries as targets on inquiries.merged_into = targets.inquiry_id

),

-- merges in a row: each step leads twice as far as the one before it,
-- the last one {{ 2 ** jumps }} merges far
{% for jump in range(1, jumps + 1) -%}
steps_{{ jump + 1 }} as (

    select steps.inquiry_id, further.target_id
    from steps_{{ jump }} as steps
    inner join steps_{{ jump }} as further on steps.target_id = further.inquiry_id

),

{% endfor -%}
-- whoever still leads on after so many merges goes round in a circle, and stays what it is
final as (

    select
        inquiries.* replace (
            case when inquiries.status in ('closed', 'merged') then inquiries.closed_at end
                as closed_at
        ),
        case
            when ends.target_id <> last_step.target_id then inquiries.inquiry_id
            else ends.inquiry_id
        end as root_inquiry_id,
        inquiries.merged_into is not null as is_merged,
        case
            when inquiries.merged_into = inquiries.inquiry_id then 'itself'
            when inquiries.merged_into is null and inquiries.status = 'merged' then 'no_target'
            when inquiries.merged_into is not null and first_step.target_id = inquiries.inquiry_id
                then 'unknown_target'
            when ends.target_id <> last_step.target_id then 'circle'
        end as merge_problem,
        inquiries.status in ('open', 'pending', 'reopened') as is_open
    from inquiries
    inner join steps_1 as first_step on inquiries.inquiry_id = first_step.inquiry_id
    inner join steps_{{ jumps + 1 }} as last_step on inquiries.inquiry_id = last_step.inquiry_id
    inner join steps_1 as ends on last_step.target_id = ends.inquiry_id

)

select * from final
