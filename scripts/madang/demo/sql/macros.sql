-- Seeded draws and the small words that journeys are written in.

-- A number in [0, 1) that depends on the seed, a key and a label, and on nothing else.
create macro draw(key, label) as
    (hash(xor(hash(key), hash(label || getvariable('seed')))) >> 11)::double
    / 9007199254740992.0;

create macro pick(list, r) as list[1 + floor(r * len(list))::integer];

-- Exponential count with the given mean, never above `most`.
create macro draw_count(r, mean, most) as
    least(floor(-ln(1 - r * 0.9999) * mean), most)::bigint;

create macro us_hours(n) as (n * 3600000000)::bigint;

create macro us_days(n) as (n * 86400000000)::bigint;

-- Korea has no daylight saving time: its civil date is a fixed shift.
create macro kst_date(us) as (make_timestamp(us + 32400000000))::date;

create macro kst_text(us) as
    strftime(make_timestamp(us + 32400000000), '%Y-%m-%dT%H:%M:%S') || '+09:00';

create macro utc_text(us) as strftime(make_timestamp(us), '%Y-%m-%dT%H:%M:%S.000Z');

create macro utc_at(us) as make_timestamp(us)::timestamp;

-- What a channel is allowed for, when it is allowed.
create macro purpose_of(channel) as if(channel = 'ads', 'advertising', 'marketing');

-- Times of day: few at night, a lunch hump, most in the evening.
create macro time_of_day(r, s) as (
    case
        when r < 0.06 then s * 6
        when r < 0.30 then 6 + s * 6
        when r < 0.62 then 12 + s * 6
        else 18 + s * 6
    end * 3600000000
)::bigint;

-- Steps of a visit: event name, page path, argument.
create macro step(name, path, arg) as
    {'n': name::varchar, 'p': path::varchar, 'a': arg::varchar};

create macro page(path) as step('page_view', path, null);

create macro neutral_pages(key, label, n) as
    list_transform(
        range(n),
        lambda i: page(pick(['/', '/shop', '/'], draw(key * 64 + i, label)))
    );

create macro model_visit(key, label, model, branch) as list_concat(
    [page('/models/' || model)],
    case when draw(key, label || 'again') < 0.35
        then [
            step('scroll', '/models/' || model, null),
            page('/models/' || model)
        ]
        else [] end,
    list_transform(
        range(greatest(0, floor(draw(key, label || 'tabs') * 7.5) - 4)::bigint),
        lambda i: step(
            'select_tab',
            '/models/' || model,
            pick(
                ['exterior', 'price', 'driving', 'interior', 'price', 'accessories'],
                draw(key * 16 + i, label || 'tab')
            )
        )
    ),
    case when draw(key, label || 'other') < 0.18
        then [page('/models/' || pick(['maru5', 'maru3'], draw(key, label || 'which')))]
        else [] end,
    case when draw(key, label || 'branch') < 0.12
        then [page('/branches/' || branch)]
        else [] end
);

-- GA4 event parameters: one of four values is filled.
create macro text_param(name, v) as {
    'key': name,
    'value': {
        'string_value': v::varchar, 'int_value': null::bigint, 'float_value': null::double,
        'double_value': null::double
    }
};

create macro int_param(name, v) as {
    'key': name,
    'value': {
        'string_value': null::varchar, 'int_value': v::bigint, 'float_value': null::double,
        'double_value': null::double
    }
};

create macro number_param(name, v) as {
    'key': name,
    'value': {
        'string_value': null::varchar, 'int_value': null::bigint, 'float_value': null::double,
        'double_value': v::double
    }
};

create macro uuid_of(t) as
    md5(t)[1:8] || '-' || md5(t)[9:12] || '-' || md5(t)[13:16] || '-' || md5(t)[17:20] || '-'
    || md5(t)[21:32];

-- Braze queues, then writes: a file of Currents is there six hours later at most.
create macro queued_us(us) as (us // 21600000000 + 1) * 21600000000;

-- One message a week on each channel.
create macro message_campaign(channel, week) as channel || '_w' || lpad(week::varchar, 2, '0');

create macro message_us(channel, week) as getvariable('start_us') + us_hours(10) + us_days(
    week * 7 + case channel when 'email' then 2 when 'sms' then 4 else 5 end
);

-- What becomes of an order, and when. Some get one unit back and keep the rest.
create macro order_fate(visit_no, quantity) as case
    when draw(visit_no, 'fate') < 0.05 then 'cancelled'
    when draw(visit_no, 'fate') < 0.11 then 'refunded'
    when draw(visit_no, 'fate') < 0.25 and quantity > 1 then 'item_refunded'
    else 'paid'
end;

create macro order_fate_us(visit_no, ordered_us) as
    (ordered_us // 1000000) * 1000000 + case when draw(visit_no, 'fate') < 0.05
        then us_hours(2 + floor(draw(visit_no, 'fate_at') * 20))
        else us_days(2 + floor(draw(visit_no, 'fate_at') * 9)) end;

-- A few customers pay in the money of another country.
create macro order_currency(visit_no) as case
    when draw(visit_no, 'currency') < 0.02 then 'USD'
    when draw(visit_no, 'currency') < 0.03 then 'JPY'
    else 'KRW'
end;

create macro in_currency(krw, currency) as (case currency
    when 'USD' then round(krw / 1400.0, 2)
    when 'JPY' then round(krw / 9.0)
    else krw
end)::decimal(18, 2);

create macro page_title(path) as case
    when path = '/' then '마루모터스'
    when path like '/models/%' then '모델 | 마루모터스'
    when path like '/branches/%' then '지점 안내 | 마루모터스'
    when path = '/test-drive' then '시승 신청 | 마루모터스'
    when path = '/charger' then '가정용 충전기 | 마루모터스'
    when path = '/shop' then '액세서리 | 마루모터스'
    when path = '/care' then '마루케어 | 마루모터스'
    else '로그인 | 마루모터스'
end;
