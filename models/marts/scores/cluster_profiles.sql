-- what the customers of each cluster are like
with members as (

    select person_id, band
    from {{ ref('scores') }}
    where model = 'rfm_cluster'

),

final as (

    select
        members.band as cluster,
        count(*) as customers,
        round(1e2 * avg(histories.days_since_last)) / 1e2 as mean_days_since_last,
        round(1e2 * avg(histories.orders)) / 1e2 as mean_orders,
        round(1e2 * avg(histories.total_value)) / 1e2 as mean_total_value,
        round(1e2 * sum(histories.total_value)) / 1e2 as total_value
    from members
    inner join {{ ref('purchase_histories') }} as histories
        on members.person_id = histories.person_id
    group by members.band

)

select * from final
