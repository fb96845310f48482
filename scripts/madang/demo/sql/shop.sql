-- What the shop sells, and what lies in each visitor's basket.

create table items as
select * from (values
    (1, 'ACC-101', '충전 케이블', 89000, 'charging'),
    (2, 'ACC-102', '벽걸이 케이블 거치대', 45000, 'charging'),
    (3, 'ACC-201', '전용 바닥 매트', 132000, 'interior'),
    (4, 'ACC-202', '트렁크 정리함', 58000, 'interior'),
    (5, 'ACC-203', '선셰이드', 39000, 'interior'),
    (6, 'ACC-301', '캠핑용 전원 어댑터', 178000, 'outdoor'),
    (7, 'ACC-302', '루프 캐리어', 420000, 'outdoor'),
    (8, 'ACC-303', '마루9 미니어처', 25000, 'goods')
) as t (item_no, item_id, item_name, price, category);

create table baskets as
select
    visit_no,
    list(
        {'item_no': item_no, 'item_id': item_id, 'item_name': item_name, 'price': price,
            'category': category, 'quantity': quantity}
        order by item_no
    ) as basket,
    sum(price * quantity)::bigint as amount,
    sum(quantity)::bigint as quantity
from (
    select
        visits.visit_no,
        items.*,
        case when draw(visits.visit_no * 16 + items.item_no, 'quantity') < 0.15 then 2 else 1 end
            as quantity
    from visits
    inner join items
        on items.item_no = 1 + floor(draw(visits.visit_no, 'item') * 8)::integer
        or (
            draw(visits.visit_no, 'second_item') < 0.3
            and items.item_no = 1 + floor(draw(visits.visit_no, 'item_b') * 8)::integer
        )
    where visits.kind = 'shop'
)
group by visit_no;
