with purchases as (

    select *
    from {{ ref('web_purchases') }}

),

refunds as (

    select
        order_key,
        count(*) as refunds,
        sum(amount) as refunded_amount,
        max(event_at) as last_refunded_at
    from {{ ref('web_refunds') }}
    where refund_status = 'counted'
    group by order_key

),

reports as (

    select
        order_key,
        count(*) as reports
    from purchases
    where order_status in ('counted', 'duplicate')
    group by order_key

),

sessions as (

    select session_key, source, medium, campaign, channel_group
    from {{ ref('session_channels') }}

),

priced as (

    select
        purchases.*,
        coalesce(purchases.revenue, 0) as gross_revenue,
        coalesce(refunds.refunded_amount, 0) as refunded_amount,
        coalesce(refunds.refunds, 0) as refunds,
        refunds.last_refunded_at
    from purchases
    left join refunds on purchases.order_key = refunds.order_key
    where purchases.order_status = 'counted'

),

-- what is taken back goes by the rate of the order's day, as the order does
final as (

    select
        purchases.order_key,
        purchases.order_id,
        purchases.property_id,
        purchases.subject_id,
        purchases.person_id,
        purchases.device_id,
        purchases.session_key,
        purchases.event_at as ordered_at,
        purchases.event_date as order_date,
        purchases.gross_revenue as revenue,
        purchases.refunded_amount,
        purchases.gross_revenue - purchases.refunded_amount as net_revenue,
        purchases.currency,
        purchases.fx_rate,
        {{ converted('purchases.gross_revenue', 'purchases.fx_rate') }} as reporting_revenue,
        {{ converted(
            '(purchases.gross_revenue - purchases.refunded_amount)', 'purchases.fx_rate'
        ) }} as reporting_net_revenue,
        reports.reports,
        purchases.refunds,
        purchases.last_refunded_at,
        sessions.source,
        sessions.medium,
        sessions.campaign,
        sessions.channel_group
    from priced as purchases
    inner join reports on purchases.order_key = reports.order_key
    left join sessions on purchases.session_key = sessions.session_key

)

select * from final
