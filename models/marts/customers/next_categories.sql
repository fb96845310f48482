-- what a person may buy next: what others bought who had bought the same
with bought as (

    select orders.person_id, products.category, min(orders.ordered_at) as first_at
    from {{ ref('order_ends') }} as orders
    inner join {{ ref('order_products') }} as products on orders.order_id = products.order_id
    where orders.person_id is not null and products.category is not null
    group by orders.person_id, products.category

),

categories as (

    select category, count(*) as buyers
    from bought
    group by category

),

-- of the buyers of a category, how many bought another one then or later
followed as (

    select earlier.category, later.category as next_category, count(*) as persons
    from bought as earlier
    inner join bought as later
        on earlier.person_id = later.person_id
        and earlier.category <> later.category
        and earlier.first_at <= later.first_at
    group by earlier.category, later.category

),

candidates as (

    select
        bought.person_id,
        followed.next_category,
        1 as way,
        followed.persons / categories.buyers as share,
        followed.persons
    from bought
    inner join followed on bought.category = followed.category
    inner join categories on bought.category = categories.category
    where followed.persons >= 3

    union all

    select
        buyers.person_id, categories.category as next_category,
        2 as way, 0 as share, categories.buyers as persons
    from (select distinct person_id from bought) as buyers
    cross join categories

    union all

    select
        preferences.person_id,
        preferences.value as next_category,
        3 as way,
        preferences.share,
        preferences.times as persons
    from {{ ref('customer_preferences') }} as preferences
    left join bought on preferences.person_id = bought.person_id
    where preferences.kind = 'category' and bought.person_id is null

),

ranked as (

    select
        candidates.*,
        row_number() over (
            partition by candidates.person_id
            order by
                candidates.way, candidates.share desc,
                candidates.persons desc, candidates.next_category
        ) as place
    from candidates
    left join bought
        on candidates.person_id = bought.person_id
        and candidates.next_category = bought.category
    where bought.person_id is null

),

final as (

    select
        person_id,
        next_category,
        case way when 1 then 'bought_together' when 2 then 'most_bought' else 'looked_at' end
            as method,
        case when way = 1 then {{ six_decimals('share') }} end as share,
        case when way in (1, 2) then persons end as persons
    from ranked
    where place = 1

)

select * from final
