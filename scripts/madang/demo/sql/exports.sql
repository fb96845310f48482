-- Files of the other systems, as rows in the order in which they are written.

create macro phone_dashed(d) as '0' || d[1:2] || '-' || d[3:6] || '-' || d[7:10];

-- The workbook's phone column, as many hands have typed it.
create macro phone_typed(d, r) as case
    when r < 0.45 then phone_dashed(d)
    when r < 0.58 then '0' || d
    when r < 0.75 then d
    when r < 0.83 then '+82 ' || d[1:2] || '-' || d[3:6] || '-' || d[7:10]
    when r < 0.88 then translate(phone_dashed(d), '0123456789-', '０１２３４５６７８９－')
    when r < 0.92 then replace(phone_dashed(d), '-', ' ')
    when r < 0.96 then replace(phone_dashed(d), '-', '.')
    else '82-' || d[1:2] || '-' || d[3:6] || '-' || d[7:10]
end;

-- As the list was at a moment.
create macro workbook_rows(at_us) as table
select
    customer_no,
    name_given,
    is_nfd,
    phone_typed(phone_digits, draw(customer_no, 'phone_typed')) as phone,
    draw(customer_no, 'phone_typed') between 0.58 and 0.75 as is_phone_number,
    case
        when draw(customer_no, 'email_typed') < 0.05 then upper(email)
        when draw(customer_no, 'email_typed') < 0.09 then ' ' || email || ' '
        else email
    end as email,
    case when at_us < tier_moved_us then coalesce(tier_before, tier) else tier end as tier,
    region,
    kst_date(registered_us) as registered_on,
    draw(customer_no, 'date_typed') as date_style
from seen_crm_rows
where registered_us <= at_us
order by customer_no;

-- The showrooms keep a list of their own, without numbers.
create view consent_rows as
select
    collected_via = 'showroom' as is_from_showroom,
    case when occurred_us < getvariable('start_us') then 'history'
        else strftime(kst_date(occurred_us), '%Y%m') end as month,
    consent_id,
    customer_no,
    email,
    '0' || phone_digits as phone,
    channel,
    purpose,
    status,
    is_night,
    kst_text(occurred_us) as occurred_at,
    collected_via,
    policy_version
from seen_consents
order by seen_consents.consent_id;

create view order_rows as
with versions as (
    select *, 'paid' as status, ordered_us as updated_us, amount as amount_now from seen_orders
    union all
    -- An order of which one item came back stays paid, for less.
    select
        *,
        case fate when 'item_refunded' then 'paid' else fate end,
        fate_us,
        case fate when 'item_refunded' then net_amount else amount end
    from seen_orders
    where fate != 'paid' and fate_us <= getvariable('until_us')
)

select
    strftime(kst_date(updated_us), '%Y%m') as month,
    order_id,
    customer_no,
    email,
    phone_dashed(phone_digits) as phone,
    name_given as name,
    status,
    kst_text(ordered_us) as ordered_at,
    kst_text(updated_us) as updated_at,
    case currency when 'USD' then amount_now::varchar else amount_now::bigint::varchar end
        as amount,
    currency
from versions
order by updated_us, order_id, status;

-- Sent as they come: out of order, and some twice.
create view outcome_rows as
select
    strftime(kst_date(occurred_us), '%Y%m') as month,
    outcome_id,
    product,
    application_id,
    customer_no,
    case when draw(outcome_id, 'phone_typed') < 0.5 then phone_dashed(phone_digits)
        else '+82' || phone_digits end as phone,
    case status when 'churned' then '해지' when 'postponed' then '일정변경' else status end
        as status,
    kst_text(occurred_us) as occurred_at,
    value::double as value,
    case when value is not null then currency end as currency,
    reason,
    branch_id
from seen_outcomes
cross join range(case when draw(outcome_id, 'sent_twice') < 0.03 then 2 else 1 end) as copy (n)
order by draw(outcome_id || n, 'order'), outcome_id;

create table seen_inquiries as
-- What somebody's order came to makes them ask: most of those who send something back do.
with taken_back as (
    select person_no, min(ordered_us) as ordered_us
    from orders
    where fate in ('refunded', 'cancelled')
    group by person_no
),

asked as (
    select
        people.*,
        nth,
        crm_rows.customer_no,
        case
            when taken_back.person_no is not null and draw(people.person_no, 'asks_back') < 0.7
                then 'refund'
            else pick(
                ['delivery', 'charging', 'price', 'test_drive'], draw(people.person_no, 'asks')
            )
        end as category,
        case
            when taken_back.person_no is not null
                then taken_back.ordered_us
                    + us_hours(3 + floor(draw(people.person_no, 'asked_at') * 40))
            else getvariable('start_us') + floor(
                draw(people.person_no, 'asked_at')
                * (getvariable('end_us') - getvariable('start_us'))
            )::bigint
        end + us_hours(nth * 5) as asked_us
    from people
    -- Some ask a second time before they are answered: the desk merges the two.
    cross join range(2) as t (nth)
    left join taken_back using (person_no)
    left join crm_rows
        on crm_rows.person_no = people.person_no and crm_rows.account = 0
        and crm_rows.registered_us < getvariable('start_us')
    -- Who ordered something asks more often.
    where draw(people.person_no, 'inquires') < case nth when 0 then 0.02 else 0.003 end
        * case
            when taken_back.person_no is not null then 25
            when people.person_no in (select person_no from orders) then 5
            else 1
        end
),

-- The last order or application before the question is what it is about.
about as (
    select person_no, ordered_us as at_us, order_id, null as application_id from orders
    union all
    select for_no, event_us, null, application_id from applications
),

with_object as (
    select asked.*, about.order_id as about_order_id, about.application_id
    from asked
    asof left join about
        on about.person_no = asked.person_no and about.at_us < asked.asked_us
)

select
    'Q' || lpad(row_number() over (order by asked_us, person_no)::varchar, 6, '0') as inquiry_id,
    *,
    -- Not everybody has the number at hand.
    case when draw(person_no * 2 + nth, 'has_number') < 0.7 then about_order_id end as order_id,
    draw(person_no, 'answered') < 0.67 as is_answered,
    asked_us + us_hours(3 + draw(person_no * 2 + nth, 'answered_at') * 40) as answered_us,
    draw(person_no, 'reopens') < 0.15 as is_reopened
from with_object
where asked_us < getvariable('until_us');

-- In the words of people: in a hurry, with wrong letters,
-- and with more of themselves than they should say.
create macro inquiry_text(person_no, category, phone_digits) as concat(
    case category
        when 'delivery' then pick(
            ['마루9 출고까지 얼마나 걸리나요?', '출고가 언제 돼나요', '마루9 베송이 언제 돼는지 알려주세요!!', '배 송 언제 오나요ㅠㅠ'],
            draw(person_no, 'words')
        )
        when 'charging' then pick(
            ['아파트에도 충전기를 설치할 수 있나요?', '충전기 설치비가 궁금합니다', '충전기설취 가능한가요', '아파트 배선 공사가 필요한가요'],
            draw(person_no, 'words')
        )
        when 'price' then pick(
            [
                '보조금을 받으면 가격이 얼마인가요?', '견적 부탁드려요',
                '보 조 금 얼마나 나오나요', '마루9 가격 알려주세요. 60개월 이율 4.9% 맞나요?'
            ],
            draw(person_no, 'words')
        )
        when 'refund' then pick(
            ['환불하고 싶어요', '환 불 언제 돼나요??', '반품할게요. 생각과 달라요', '한 개만 반품 됄까요'], draw(person_no, 'words')
        )
        else '시승 예약 시간을 바꾸고 싶습니다.'
    end,
    case
        when phone_digits is null or draw(person_no, 'tells') > 0.4 then ''
        when draw(person_no, 'tells') < 0.1
            then ' 연락처는 공일공 ' || translate(phone_digits[3:6], '0123456789', '공일이삼사오육칠팔구')
            || ' ' || translate(phone_digits[7:10], '0123456789', '공일이삼사오육칠팔구') || '입니다'
        else ' 연락처는 ' || phone_typed(
            phone_digits,
            -- nobody leaves out the first zero in a sentence
            case when draw(person_no, 'tells_as') < 0.6 then 0.9 else 1 end
            * draw(person_no, 'tells_as')
                + case when draw(person_no, 'tells_as') between 0.6 and 0.75 then 0.15 else 0 end
        ) || '입니다'
    end
);

-- One row a state: asked, answered, asked again, merged.
create view inquiry_rows as
with states as (
    select *, 'open' as status, asked_us as state_us, null as merged_into from seen_inquiries
    union all
    select *, 'answered', answered_us, null from seen_inquiries where is_answered and nth = 0
    union all
    select *, 'reopened', answered_us + us_hours(20), null
    from seen_inquiries where is_answered and is_reopened and nth = 0
    union all
    select *, 'closed', answered_us + us_hours(50), null
    from seen_inquiries where is_answered and nth = 0
    union all
    select second.*, 'merged', second.asked_us + us_hours(1), first.inquiry_id
    from seen_inquiries as second
    inner join seen_inquiries as first on first.person_no = second.person_no and first.nth = 0
    where second.nth = 1
)

select
    inquiry_id,
    kst_text(asked_us) as received_at,
    kst_text(state_us) as updated_at,
    pick(['phone', 'web', 'kakao', 'naver_talk'], draw(person_no, 'asked_by')) as channel,
    case when draw(person_no, 'asked_as') < 0.5 then customer_no end as customer_no,
    '0' || phone_digits as phone,
    email,
    category,
    case category when 'delivery' then '출고' when 'charging' then '설치' when 'price' then '구매'
        when 'refund' then '교환·반품' else '예약' end as category_2,
    case category when 'charging' then pick(['아파트', '주택'], draw(person_no, 'asks_more'))
        when 'test_drive' then '시간 변경' end as category_3,
    inquiry_text(person_no, category, phone_digits) as content,
    status,
    merged_into,
    order_id,
    application_id
from states
where state_us < getvariable('until_us')
order by state_us, inquiry_id, status;

create view salesforce_contact_rows as
select
    contact_id as "Id",
    individual_id as "IndividualId",
    name as "Name",
    email as "Email",
    phone_dashed(phone_digits) as "MobilePhone",
    customer_no as "Customer_No__c",
    (refuses is not distinct from 'has_opted_out_of_email') as "HasOptedOutOfEmail",
    (refuses is not distinct from 'do_not_call') as "DoNotCall",
    utc_text(registered_us) as "CreatedDate",
    utc_text(
        coalesce(case when refuses != 'has_opted_out_solicit' then refused_us end, registered_us)
    )
        as "SystemModstamp"
from salesforce_contacts
order by contact_id;

create view salesforce_individual_rows as
select
    individual_id as "Id",
    (refuses is not distinct from 'has_opted_out_solicit') as "HasOptedOutSolicit",
    utc_text(registered_us) as "CreatedDate",
    utc_text(
        coalesce(case when refuses = 'has_opted_out_solicit' then refused_us end, registered_us)
    )
        as "SystemModstamp"
from salesforce_contacts
order by individual_id;

-- What is collected at the registration was said in two versions.
create view notice_rows as
select
    'N' || lpad(row_number() over (order by sent_us, channel)::varchar, 5, '0') as notice_id,
    null as version,
    'advertisement' as kind,
    campaign_name,
    channel,
    '(광고) 마루모터스 ' || (week + 1) || '주차 소식' as title,
    '(광고) 마루모터스: 가까운 지점에서 마루9을 시승해 보세요. 무료수신거부 080-000-0000' as body,
    null as collected_fields,
    'Y' as is_advertisement,
    kst_text(sent_us) as sent_at
from campaigns
union all
select
    'C00001',
    version,
    'collection',
    null,
    'web',
    '개인정보 수집·이용 안내',
    text,
    collected_fields,
    'N',
    kst_text(said_us)
from (values
    (
        'v1',
        '이름, 휴대폰 번호, 이메일, 거주지역을 회원 관리와 시승 안내에 씁니다. 보유 기간: 탈퇴 시까지.',
        '이름, 휴대폰번호, 이메일, 거주지역',
        getvariable('start_us') - us_days(2000)
    ),
    (
        'v2',
        '이름, 휴대폰 번호, 이메일, 거주지역을 회원 관리와 시승 안내에 씁니다. '
        || '동의하시면 신차 소식과 쿠폰을 먼저 보내 드립니다. 보유 기간: 탈퇴 시까지.',
        '이름 / 휴대폰번호 / 이메일 / 거주지역',
        getvariable('start_us') + us_days(getvariable('days') // 2)
    )
) as collection (version, text, collected_fields, said_us)
where said_us <= getvariable('until_us')
order by kind, sent_at, channel;
