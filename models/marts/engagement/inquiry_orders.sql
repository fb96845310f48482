-- which order each inquiry is about: by the number that it names,
-- else the person's last order before it
with inquiries as (

    select inquiry_id, inquiry_group, person_id, order_id, application_id, received_at
    from {{ ref('inquiries') }}
    where is_root

),

orders as (

    select order_id, person_id, ordered_at
    from {{ ref('order_ends') }}

),

by_number as (

    select inquiries.inquiry_id, min(orders.order_id) as order_id
    from inquiries
    inner join orders on lower(inquiries.order_id) = lower(orders.order_id)
    group by inquiries.inquiry_id

),

of_person as (

    select
        inquiries.inquiry_id,
        orders.order_id,
        count(*) over (partition by inquiries.inquiry_id) as candidate_orders,
        row_number() over (
            partition by inquiries.inquiry_id order by orders.ordered_at desc, orders.order_id
        ) as place
    from inquiries
    inner join orders
        on inquiries.person_id = orders.person_id
        and (inquiries.application_id is null or inquiries.order_id is not null)
        and inquiries.received_at >= orders.ordered_at
        and orders.ordered_at
            >= {{ timestamp_plus('inquiries.received_at', 0 - var('inquiry_order_days'), 'day') }}

),

by_person as (

    select
        inquiry_id,
        order_id,
        candidate_orders,
        case when candidate_orders = 1 then 'one' else 'several' end as choice
    from of_person
    where place = 1

),

-- how often that is right, where the inquiry names its order: what the confidence of the others is
tested as (

    select
        by_person.choice,
        count(*) as tested_inquiries,
        count(case when by_person.order_id = by_number.order_id then 1 end) as right_inquiries
    from by_person
    inner join by_number on by_person.inquiry_id = by_number.inquiry_id
    group by by_person.choice

),

matched as (

    select
        inquiries.inquiry_id,
        inquiries.inquiry_group,
        inquiries.received_at,
        inquiries.order_id is not null as has_order_number,
        case
            when by_number.order_id is not null then 'number'
            when by_person.order_id is not null then 'person_and_time'
            when inquiries.order_id is not null then 'unknown_number'
            when inquiries.application_id is not null then 'application'
            when inquiries.person_id is null then 'unknown_person'
            else 'no_order_near'
        end as match_method,
        coalesce(by_number.order_id, by_person.order_id) as order_id,
        by_person.candidate_orders,
        by_person.choice
    from inquiries
    left join by_number on inquiries.inquiry_id = by_number.inquiry_id
    left join by_person on inquiries.inquiry_id = by_person.inquiry_id

),

final as (

    select
        matched.inquiry_id,
        matched.inquiry_group,
        matched.received_at,
        matched.order_id,
        matched.match_method,
        case
            when matched.match_method = 'number' then 1.0
            when matched.match_method = 'person_and_time'
                then {{ six_decimals(
                    'tested.right_inquiries / nullif(tested.tested_inquiries, 0)'
                ) }}
        end as confidence,
        case
            when matched.match_method = 'person_and_time' then coalesce(tested.tested_inquiries, 0)
        end as confidence_tested_on,
        case when matched.match_method = 'person_and_time' then matched.candidate_orders end
            as candidate_orders,
        matched.has_order_number,
        {{ six_decimals(seconds_between('orders.ordered_at', 'matched.received_at') ~ ' / 86400') }}
            as days_from_order
    from matched
    left join orders on matched.order_id = orders.order_id
    left join tested
        on matched.choice = tested.choice
        and matched.match_method = 'person_and_time'

)

select * from final
