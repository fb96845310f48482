-- The real human beings, two neighbours making a possible family.

create table people as
with numbered as (
    select
        i as person_no,
        i // 2 as pair_no,
        i % 2 as pair_side,
        case
            when (i // 2) * 2 + 1 >= getvariable('people') then null
            -- The first pairs are fixed so that a small world has one of each.
            when i // 2 = 0 then 'computer'
            when i // 2 = 1 then 'phone'
            when i // 2 = 2 then 'both'
            when draw(i // 2, 'family') < 0.020 then 'computer'
            when draw(i // 2, 'family') < 0.045 then 'phone'
            when draw(i // 2, 'family') < 0.050 then 'both'
        end as family
    from range(getvariable('people')) as t (i)
),

classed as (
    select
        *,
        family is not null or draw(person_no, 'customer') < 0.43 as is_customer,
        coalesce(family in ('computer', 'both'), false) as shares_computer,
        coalesce(family in ('phone', 'both'), false) as shares_phone
    from numbered
),

behaving as (
    select
        *,
        shares_computer or (is_customer and draw(person_no, 'logger') < 0.67) as is_logger
    from classed
),

placed as (
    select
        *,
        is_logger or not is_customer or draw(person_no, 'online') < 0.40 as is_online,
        is_customer and family is null and draw(person_no, 'duplicate') < 0.035
            as is_registered_twice,
        is_customer and family is null and draw(person_no, 'duplicate') > 0.990
            as uses_branch_phone,
        is_customer and family is null
        and draw(person_no, 'duplicate') between 0.980 and 0.990 as uses_filler_email,
        -- What they are after: 0 nothing, 1 looks at models, 2 applies, 3 completes.
        case
            when draw(person_no, 'intent') < case when is_logger then 0.27 else 0.52 end then 0
            when draw(person_no, 'intent') < case when is_logger then 0.64 else 0.955 end then 1
            when draw(person_no, 'intent') < case when is_logger then 0.78 else 0.99 end then 2
            else 3
        end as intent,
        1 + floor(draw(pair_no, 'family_name') * 20)::integer as family_name_at,
        1 + (floor(draw(pair_no, 'given_a') * 20)::integer + 7 * pair_side) % 20 as given_a_at,
        1 + floor(draw(person_no, 'given_b') * 20)::integer as given_b_at
    from behaving
),

lists as (
    select
        string_split('김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 류 홍', ' ') as fam,
        string_split('민 서 지 하 도 예 윤 수 현 준 은 태 채 유 재 시 나 다 가 소', ' ') as ga,
        string_split('준 우 연 원 아 은 호 진 서 빈 린 영 희 현 민 율 라 경 성 솔', ' ') as gb,
        string_split(
            'min seo ji ha do ye yun su hyun jun eun tae chae yu jae si na da ga so', ' '
        ) as roman
),

named as (
    select
        placed.*,
        fam[family_name_at] || ga[given_a_at] || gb[given_b_at] as name,
        roman[given_a_at] || '.' || lpad((person_no + 1)::varchar, 5, '0') || '@'
        || pick(['mail', 'post', 'inbox'], draw(person_no, 'mailbox')) || '.example' as own_email,
        -- Subscriber numbers begin with 0 or 1, which no Korean line does. The
        -- multiplier is coprime to the range, so that no two people share one.
        lpad((((person_no * 7919 + 1234567) % 10000000) + 10000000
            * floor(draw(person_no, 'phone_block') * 2)::bigint)::varchar, 8, '0') as own_phone
    from placed cross join lists
)

select
    named.* exclude (own_email, own_phone),
    'P' || lpad((named.person_no + 1)::varchar, 7, '0') as person,
    case
        when uses_filler_email then 'none@maru.example'
        when not shares_phone and not uses_branch_phone
            and draw(named.person_no, 'has_email') < 0.11 then null
        else own_email
    end as email,
    case
        when is_customer and family is null and not uses_branch_phone and not uses_filler_email
            and draw(named.person_no, 'has_email') between 0.11 and 0.14 then null
        else '10'
    end || case
        when uses_branch_phone then '00000000'
        -- Both members of a family that shares a phone give the first one's.
        when shares_phone then lpad((((named.pair_no * 2 * 7919 + 1234567) % 10000000))::varchar,
            8, '0')
        else own_phone
    end as phone_digits,
    pick(['VVIP', 'VIP', 'VIP', '일반', '일반', '일반', '일반', '일반'],
        draw(named.person_no, 'tier')) as tier,
    -- Some had another tier before; it changes on one day.
    case when draw(named.person_no, 'tier_moves') < 0.14
        then pick(['VVIP', 'VIP', '일반'], draw(named.person_no, 'tier_before')) end as tier_before,
    getvariable('start_us') + floor(
        draw(named.person_no, 'tier_moved') * (getvariable('end_us') - getvariable('start_us'))
    )::bigint as tier_moved_us,
    pick(['서울 영등포구', '서울 강남구', '서울 마포구', '경기 성남시 분당구', '경기 수원시 영통구',
        '부산 해운대구', '인천 연수구', '대전 유성구'], draw(named.person_no, 'region')) as region,
    pick(['Seoul', 'Seoul', 'Seoul', 'Seongnam-si', 'Busan', 'Incheon', '(not set)'],
        draw(named.person_no, 'city')) as city
from named
order by named.person_no;
