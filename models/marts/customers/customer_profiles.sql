-- what audiences may ask about a person beside what customers says
with persons as (

    select person_id, last_order_at
    from {{ ref('customers') }}

),

preferences as (

    select
        person_id,
        {% for kind in ['category', 'model', 'branch', 'channel'] -%}
        max(case when kind = '{{ kind }}' then value end) as preferred_{{ kind }},
        {% endfor -%}
        max(case when kind = 'hour' then cast(value as int64) end) as preferred_hour
    from {{ ref('customer_preferences') }}
    group by person_id

),

-- what lies in the cart since the last order, and what was ever put on the list of wishes
wanted as (

    select
        persons.person_id,
        count(distinct case
            when activities.action = 'added_to_cart'
                and (
                    persons.last_order_at is null or activities.occurred_at > persons.last_order_at
                )
                then activities.object_id
        end) as carted_items,
        count(
            distinct case when activities.action = 'added_to_wishlist' then activities.object_id end
        ) as wishlist_items
    from persons
    inner join {{ ref('activities') }} as activities
        on persons.person_id = activities.person_id
        and activities.action in ('added_to_cart', 'added_to_wishlist')
    group by persons.person_id

),

rfm as (

    select *
    from {{ ref('customer_rfm') }}

),

next_categories as (

    select *
    from {{ ref('next_categories') }}

),

final as (

    select
        persons.person_id,
        rfm.rfm_group,
        rfm.recency_score,
        rfm.frequency_score,
        rfm.monetary_score,
        preferences.preferred_category,
        preferences.preferred_model,
        preferences.preferred_branch,
        preferences.preferred_channel,
        preferences.preferred_hour,
        coalesce(wanted.carted_items, 0) as carted_items,
        coalesce(wanted.wishlist_items, 0) as wishlist_items,
        next_categories.next_category,
        next_categories.method as next_category_method
    from persons
    left join rfm on persons.person_id = rfm.person_id
    left join preferences on persons.person_id = preferences.person_id
    left join wanted on persons.person_id = wanted.person_id
    left join next_categories on persons.person_id = next_categories.person_id

)

select * from final
