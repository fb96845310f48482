-- what to mend first: what many ask about, what goes with orders that are taken back,
-- and what grows
with contrast as (

    select *
    from {{ ref('inquiry_order_contrast') }}
    where inquiry_group not in ('(all)', '(unmatched)', '(no text)')

),

-- half a case is added to each count,
-- so that a few orders neither make a factor of 0 nor of infinity
weighed as (

    select
        *,
        (taken_back_with + 0.5) / (orders_with + 1.0)
        / ((taken_back_without + 0.5) / (orders_without + 1.0)) as lift_factor,
        (inquiries_last_28_days + 0.5) / (inquiries_28_days_before + 0.5) as trend_factor
    from contrast

),

scored as (

    select
        *,
        {{ six_decimals('lift_factor') }} as lift,
        {{ six_decimals('trend_factor') }} as trend,
        {{ six_decimals('inquiries_last_28_days * lift_factor * trend_factor') }} as score
    from weighed

),

final as (

    select
        dimension,
        value,
        inquiry_group,
        row_number() over (
            partition by dimension order by score desc, inquiries desc, value, inquiry_group
        ) as place,
        score,
        inquiries_last_28_days as volume,
        lift,
        coalesce(taken_back_difference_low > 0, false) as is_lift_certain,
        trend,
        inquiries,
        inquiries_per_1000_orders,
        orders_with,
        taken_back_with
    from scored

)

select * from final
