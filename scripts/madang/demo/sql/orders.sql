-- Orders of the website and by telephone, and what the site's tag made of them.

create table orders as
with bought as (
    select
        order_visit_no as visit_no,
        any_value(actor_no) as person_no,
        min(event_us) as ordered_us,
        any_value(device_no) as device_no,
        bool_or(is_logged_in) as is_logged_in
    from events
    where event_name = 'purchase' and order_visit_no = visit_no
    group by order_visit_no
    union all
    -- By telephone.
    select
        900000000 + person_no,
        person_no,
        getvariable('start_us') + floor(
            draw(person_no, 'phoned_at') * (getvariable('end_us') - getvariable('start_us'))
        )::bigint,
        null,
        false
    from people
    where draw(person_no, 'phones_order') < 0.012
    union all
    -- By telephone, because of an offer that was shown to them.
    select moved_visit_no, person_no, moved_us, null, false
    from experiment_people
    where moves and not is_control and moved_us < getvariable('end_us')
),

detailed as (
    select
        bought.*,
        people.* exclude (person_no),
        coalesce(
            baskets.amount, 45000 + 1000 * floor(draw(bought.visit_no, 'amount') * 200)::bigint
        ) as amount_krw,
        order_currency(bought.visit_no) as currency,
        order_fate(bought.visit_no, coalesce(baskets.quantity, 1)) as fate,
        -- One unit of the first line is what comes back of an order that is kept.
        basket[1].price as returned_krw,
        crm_rows.customer_no as own_customer_no,
        crm_rows.registered_us
    from bought
    inner join people using (person_no)
    left join baskets using (visit_no)
    left join crm_rows
        on crm_rows.person_no = bought.person_no and crm_rows.account = 0
),

-- A customer may order as a guest; the addresses then say who it was.
signed as (
    select
        *,
        case
            when own_customer_no is null or registered_us > ordered_us then null
            when uses_filler_email or is_logged_in or draw(visit_no, 'as_guest') < 0.6
                or (email is null and (phone_digits is null or shares_phone or uses_branch_phone))
                then own_customer_no
        end as customer_no
    from detailed
)

select
    visit_no,
    case when draw(visit_no, 'numeric_id') < 0.15
        then '7' || lpad(visit_no::varchar, 9, '0')
        else 'M' || strftime(kst_date(ordered_us), '%y%m%d') || lpad(visit_no::varchar, 9, '0')
    end as order_id,
    person_no,
    person,
    customer_no,
    email,
    phone_digits,
    -- A guest types in a hurry: a wrong vowel, or two syllables the wrong way round.
    case
        when customer_no is not null or draw(visit_no, 'mistypes') >= 0.05 then name
        when draw(visit_no, 'mistypes') < 0.03 then name[1:2] || chr(unicode(name[3]) + 28)
        else name[1] || name[3] || name[2]
    end as name_given,
    name,
    currency,
    in_currency(amount_krw, currency) as amount,
    case fate
        when 'paid' then 0
        when 'item_refunded' then in_currency(returned_krw, currency)
        else in_currency(amount_krw, currency)
    end::decimal(18, 2) as returned_amount,
    (ordered_us // 1000000) * 1000000 as ordered_us,
    fate,
    order_fate_us(visit_no, ordered_us) as fate_us,
    device_no is not null as is_online
from signed
order by ordered_us, visit_no;

-- What the site's tag made of them: a placeholder for some, nothing for others.
create table purchase_ids as
select
    events.event_no,
    orders.order_id,
    case
        when draw(order_visit_no, 'tag') < 0.08 then '(not set)'
        when draw(order_visit_no, 'tag') < 0.10 then ''
        when draw(order_visit_no, 'tag') < 0.12 then null
        else orders.order_id
    end as transaction_id,
    case when draw(order_visit_no, 'tag') < 0.04 then null else orders.amount end::double as revenue
from events
inner join orders on orders.visit_no = events.order_visit_no
where events.event_name = 'purchase'
union all
-- The server knows the number.
select events.event_no, orders.order_id, orders.order_id, orders.returned_amount::double
from events
inner join orders on orders.visit_no = events.order_visit_no
where events.event_name = 'refund';

create view seen_orders as
select
    *,
    case when fate_us <= getvariable('until_us') then fate else 'paid' end as fate_now,
    (amount - case when fate_us <= getvariable('until_us') then returned_amount else 0 end)
        ::decimal(18, 2) as net_amount
from orders
where ordered_us <= getvariable('until_us');
