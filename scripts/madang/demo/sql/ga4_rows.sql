-- Every event of the export with all that its shard row says, once a copy.
create table ga4_rows as
with shopping as (
    -- Joins on plain equality only: anything else would compare every pair.
    select
        *,
        case when event_name in ('view_item', 'add_to_cart', 'begin_checkout', 'purchase')
            then coalesce(order_visit_no, visit_no) end as basket_visit_no
    from seen
)

select
    seen.*,
    visits.started_us,
    visits.ga_session_id,
    visits.ga_session_number,
    visits.nth,
    visits.origin_no,
    visits.last_click_no,
    visits.is_unattributed,
    visits.pace_us,
    devices.kind as device_kind,
    devices.category,
    devices.make,
    case when not seen.is_denied then devices.user_pseudo_id end as client_id,
    case when devices.kind = 'staff' then 'dev.maru.example' else 'www.maru.example' end
        as hostname,
    case when seen.is_logged_in then accounts.customer_no end as member_id,
    own.source,
    own.medium,
    own.campaign,
    own.click_id,
    own.referrer,
    last_click.source as lc_source,
    last_click.medium as lc_medium,
    last_click.campaign as lc_campaign,
    last_click.click_id as lc_click_id,
    last_click.channel_group as lc_group,
    people.city,
    purchase_ids.transaction_id,
    purchase_ids.revenue,
    purchase_ids.order_id,
    baskets.basket,
    baskets.quantity as basket_quantity,
    applications.application_id,
    visits.model,
    split_part(seen.arg, ':', 1) as product,
    seen.k <= 1 as is_landing,
    unnest(range(seen.copies)) as copy_no
from shopping as seen
inner join visits using (visit_no)
inner join devices on devices.device_no = visits.device_no
inner join origins as own on own.origin_no = visits.origin_no
inner join origins as last_click on last_click.origin_no = visits.last_click_no
left join people on people.person_no = visits.actor_no
left join accounts
    on accounts.device_no = seen.device_no and accounts.person_no = seen.actor_no
left join purchase_ids using (event_no)
left join baskets on baskets.visit_no = seen.basket_visit_no
left join applications on applications.event_no = seen.event_no
order by event_us, event_no;
