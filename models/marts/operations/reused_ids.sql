-- numbers of the sources that stand for more than one thing
with consents as (

    select given_consent_id, statements_of_id, occurred_at
    from {{ ref('stg_consent__events') }}
    where statements_of_id > 1

),

outcomes as (

    select given_outcome_id, outcome_id, occurred_at
    from {{ ref('stg_offline__outcome_versions') }}
    where not is_one_outcome

),

orders as (

    select order_id, ordered_at
    from {{ ref('stg_shop__orders') }}
    where is_number_reused

),

final as (

    select
        'consent.events' as source_table,
        given_consent_id as id,
        max(statements_of_id) as things,
        true as are_all_kept,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from consents
    group by given_consent_id

    union all

    select
        'offline.outcomes' as source_table,
        given_outcome_id as id,
        count(distinct outcome_id) as things,
        true as are_all_kept,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from outcomes
    group by given_outcome_id

    union all

    select
        'shop.orders' as source_table,
        order_id as id,
        2 as things,
        false as are_all_kept,
        ordered_at as first_at,
        ordered_at as last_at
    from orders

)

select * from final
