-- One shard of the export: the events of `day`, as GA4 writes them.
with shopping as (
    -- Joins on plain equality only: anything else would compare every pair.
    select
        *,
        case when event_name in ('view_item', 'add_to_cart', 'begin_checkout', 'purchase', 'refund')
            then coalesce(order_visit_no, visit_no) end as basket_visit_no
    from seen
    where event_date = getvariable('day')
),

-- Once a copy, with all that the shard's row says.
day_events as (
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
        visits.campaign,
        own.click_id,
        own.referrer,
        last_click.source as lc_source,
        last_click.medium as lc_medium,
        visits.last_click_campaign as lc_campaign,
        last_click.click_id as lc_click_id,
        last_click.channel_group as lc_group,
        people.city,
        purchase_ids.transaction_id,
        purchase_ids.revenue,
        purchase_ids.order_id,
        order_currency(seen.basket_visit_no) as currency,
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
),

addressed as (
    select
        *,
        'https://' || hostname || path || case
            when not is_landing or source is null then ''
            when click_id = 'gclid' then '?gclid=Cj0demo' || printf('%010x', visit_no)
            when medium in ('referral', 'organic', 'ai-assistant') then
                case when medium = 'ai-assistant' then '?utm_source=chatgpt.com' else '' end
            else '?utm_source=' || source || '&utm_medium=' || medium || '&utm_campaign='
                || campaign || case click_id
                    when 'NaPm' then '&NaPm=ct%3Ddemo' || printf('%08x', visit_no) || '%7Ctr%3Dsa'
                    when 'fbclid' then '&fbclid=IwDemo' || printf('%08x', visit_no)
                    when 'ttclid' then '&ttclid=E.C.Demo' || printf('%08x', visit_no)
                    else '' end || coalesce('&utm_id=' || linked_campaign_id(origin_no), '')
        end as page_location,
        event_name in ('page_view', 'session_start', 'first_visit') as is_page,
        revenue / case currency when 'USD' then 1.0 when 'JPY' then 155.0 else 1400.0 end
            as revenue_in_usd,
        event_name in ('view_item', 'add_to_cart', 'begin_checkout', 'purchase', 'refund')
            as is_shop,
        case when event_name in ('purchase', 'refund') then revenue
            else in_currency(
                list_sum(list_transform(basket, lambda i: i.price * i.quantity)), currency
            )::double end as amount
    from day_events
)

select
    strftime(event_date, '%Y%m%d') as event_date,
    event_us as event_timestamp,
    event_name,
    list_filter(
        [
            case when not is_denied and not is_from_server
                then int_param('ga_session_id', ga_session_id) end,
            case when not is_denied and not is_from_server
                then int_param('ga_session_number', ga_session_number) end,
            case when not is_from_server then text_param('page_location', page_location) end,
            case when not is_from_server then text_param('page_title', page_title(path)) end,
            -- Keys that come with no value at all.
            case when not is_from_server then text_param('page_referrer', case
                when is_landing then referrer
                when draw(event_no, 'referrer') < 0.8 then 'https://' || hostname || '/'
            end) end,
            case when is_landing and click_id = 'gclid' then text_param('gclid', null) end,
            case
                when is_from_server then null
                when draw(visit_no, 'engaged_type') < 0.07 then int_param('session_engaged', 1)
                else text_param('session_engaged', case when k > 2 then '1' else '0' end)
            end,
            case when k > 1 and not is_from_server then int_param(
                'engagement_time_msec',
                (pace_us * (0.3 + draw(event_no, 'engaged')))::bigint // 1000
            ) end,
            case when is_landing and is_page then int_param('entrances', 1) end,
            case
                when is_landing
                    and is_page
                    and source is not null
                    and click_id is distinct from 'gclid'
                then text_param('source', source) end,
            case
                when is_landing
                    and is_page
                    and source is not null
                    and click_id is distinct from 'gclid'
                then text_param('medium', medium) end,
            case
                when is_landing
                    and is_page
                    and source is not null
                    and click_id is distinct from 'gclid'
                then text_param('campaign', coalesce(campaign, '(' || medium || ')')) end,
            case when path like '/models/%' and event_name in ('page_view', 'select_tab', 'scroll')
                then text_param('model_id', split_part(path, '/', 3)) end,
            case when path like '/branches/%' and event_name in ('page_view', 'click')
                then text_param('branch_id', split_part(path, '/', 3)) end,
            case when event_name = 'select_tab' then text_param('tab', arg) end,
            case when event_name = 'scroll' then int_param('percent_scrolled', 90) end,
            case when event_name = 'click' then text_param('link_url', arg) end,
            case when event_name = 'click' then text_param('outbound', 'true') end,
            case when event_name = 'login' then text_param('method', 'maru_id') end,
            case when event_name in ('apply_click', 'apply_step', 'generate_lead')
                then text_param('product', product) end,
            case when event_name in ('apply_click', 'generate_lead') and product = 'test_drive'
                then text_param('model_id', model) end,
            -- A parameter that changes type with the release of the form.
            case when event_name = 'apply_step' then
                case when draw(visit_no, 'form_release') < 0.12
                    then text_param('step', split_part(arg, ':', 2))
                    else int_param('step', split_part(arg, ':', 2)::bigint) end
            end,
            case when event_name = 'generate_lead'
                then text_param('application_id', application_id) end,
            case when event_name = 'generate_lead' then
                case product when 'charger' then number_param('value', 1200000)
                    else int_param('value', 50000) end
            end,
            case when event_name = 'generate_lead' then text_param('currency', 'KRW')
                when is_shop then text_param('currency', currency) end,
            case when is_shop and amount is not null then
                case
                    when draw(visit_no, 'value_type') < 0.35 and currency != 'USD'
                        then int_param('value', amount::bigint)
                    else number_param('value', amount) end
            end,
            case when event_name in ('purchase', 'refund') then
                case when transaction_id = order_id and order_id like '7%'
                    then int_param('transaction_id', order_id::bigint)
                    else text_param('transaction_id', transaction_id) end
            end
        ],
        lambda p: p is not null
    ) as event_params,
    case when not is_landing then event_us - pace_us end as event_previous_timestamp,
    case when event_name = 'purchase' then revenue_in_usd end as event_value_in_usd,
    (case when draw(event_no, 'bundle_sign') < 0.5 then -1 else 1 end)
        * floor(draw(visit_no * 1024 + greatest(k, 1), 'bundle') * 9990000000)::bigint
        as event_bundle_sequence_id,
    case when arrives_us > event_us then arrives_us - event_us end as event_server_timestamp_offset,
    member_id as user_id,
    client_id as user_pseudo_id,
    {
        'analytics_storage': case when is_denied then 'No' else 'Yes' end,
        'ads_storage': case when is_denied or draw(device_no, 'ads') < 0.3 then 'No' else 'Yes' end,
        'uses_transient_token': case when is_denied then 'Yes' else 'No' end
    } as privacy_info,
    case when member_id is not null
        then [{
            'key': 'member',
            'value': {
                'string_value': 'yes', 'int_value': null::bigint, 'float_value': null::double,
                'double_value': null::double, 'set_timestamp_micros': event_us
            }
        }]
        else [] end as user_properties,
    case when not is_denied then greatest(
        split_part(client_id, '.', 2)[1:10]::bigint * 1000000 + 123456, 0
    ) end as user_first_touch_timestamp,
    case when not getvariable('is_intraday') and not is_denied
        then {'revenue': coalesce(case when event_name = 'purchase' then revenue_in_usd end, 0),
            'currency': 'USD'} end as user_ltv,
    {
        'category': category,
        'mobile_brand_name': case
            when category = 'desktop' then '(not set)' when make < 0.55 then 'Samsung' else 'Apple'
        end,
        'mobile_model_name': case
            when category = 'desktop' then '(not set)'
            when make < 0.55 then 'SM-S921N'
            else 'iPhone'
        end,
        'operating_system': case
            when device_kind = 'bot' then 'Linux'
            when category = 'desktop' then case when make < 0.7 then 'Windows' else 'Macintosh' end
            when make < 0.55 then 'Android'
            else 'iOS'
        end,
        'operating_system_version': '(not set)',
        'language': case when device_kind = 'bot' then 'en-us' else 'ko-kr' end,
        'is_limited_ad_tracking': 'No',
        'time_zone_offset_seconds': 32400,
        'web_info': {
            'browser': case
                when device_kind = 'bot' then 'HeadlessChrome'
                when category = 'desktop'
                    then case when make < 0.6 then 'Chrome' when make < 0.8 then 'Whale'
                        else 'Edge' end
                when make < 0.3 then 'Samsung Internet'
                when make < 0.55 then 'Chrome'
                else 'Safari'
            end,
            'browser_version': '141.0',
            'hostname': hostname
        }
    } as device,
    {
        'city': coalesce(city, '(not set)'), 'country': 'South Korea', 'continent': 'Asia',
        'region': '(not set)', 'sub_continent': 'Eastern Asia', 'metro': '(not set)'
    } as geo,
    null as app_info,
    case when not getvariable('is_intraday') then {
        'name': coalesce(lc_campaign, '(direct)'), 'medium': coalesce(lc_medium, '(none)'),
        'source': coalesce(lc_source, '(direct)')
    } end as traffic_source,
    '4471100001' as stream_id,
    'WEB' as platform,
    {'hostname': hostname} as event_dimensions,
    case when is_shop then {
        'total_item_quantity': basket_quantity,
        'purchase_revenue': case when event_name = 'purchase' then revenue end,
        'purchase_revenue_in_usd': case when event_name = 'purchase' then revenue_in_usd end,
        'refund_value': case when event_name = 'refund' then revenue end,
        'refund_value_in_usd': case when event_name = 'refund' then revenue_in_usd end,
        'unique_items': len(basket),
        'transaction_id': case when event_name in ('purchase', 'refund') then transaction_id end
    } end as ecommerce,
    coalesce(
        list_transform(
            case
                -- A refund of everything names no items.
                when event_name = 'refund'
                    then case when arg = 'item_refunded' then basket[1:1] else [] end
                when is_shop then basket
            end,
            lambda i: {
                'item_id': i.item_id, 'item_name': i.item_name, 'item_brand': 'Maru',
                'item_category': i.category,
                'price': in_currency(i.price, currency)::double,
                'quantity': case when event_name = 'refund' then 1 else i.quantity end,
                'item_revenue': case when event_name = 'purchase'
                    then in_currency(i.price * i.quantity, currency)::double end,
                'item_refund': case when event_name = 'refund'
                    then in_currency(i.price, currency)::double end,
                'item_list_index': '1'
            }
        ),
        []
    ) as items,
    case when is_landing and is_page and source is not null then {
        'manual_campaign_id': linked_campaign_id(origin_no),
        'manual_campaign_name': case when click_id is distinct from 'gclid'
            then coalesce(campaign, '(' || medium || ')') end,
        'manual_source': case when click_id is distinct from 'gclid' then source end,
        'manual_medium': case when click_id is distinct from 'gclid' then medium end,
        'gclid': case when click_id = 'gclid' then 'Cj0demo' || printf('%010x', visit_no) end
    } end as collected_traffic_source,
    case when not getvariable('is_intraday') then not is_denied end as is_active_user,
    case
        when k > 1 then 1
        when k = 1 then 3
        when k = 0 then 2
        else 1
    end as batch_event_index,
    (started_us + greatest(k, 1) * pace_us) // 1000 as batch_page_id,
    greatest(k, 1) as batch_ordering_id,
    case when not getvariable('is_intraday') and not is_unattributed and not is_denied then {
        'manual_campaign': {
            'campaign_id': linked_campaign_id(last_click_no),
            'campaign_name': case
                when lc_click_id is distinct from 'gclid' and lc_source is not null
                then coalesce(lc_campaign, '(' || lc_medium || ')') end,
            'source': case when lc_click_id is distinct from 'gclid' then lc_source end,
            'medium': case when lc_click_id is distinct from 'gclid' then lc_medium end
        },
        'google_ads_campaign': case when lc_click_id = 'gclid' then {
            'customer_id': '0000000000', 'account_name': 'Maru Motors',
            'campaign_id': campaign_id_of(last_click_no),
            'campaign_name': lc_campaign
        } end,
        'cross_channel_campaign': {
            'campaign_id': case when lc_click_id = 'gclid' then campaign_id_of(last_click_no)
                else linked_campaign_id(last_click_no) end,
            'campaign_name': coalesce(lc_campaign, '(' || coalesce(lc_medium, 'direct') || ')'),
            'source': coalesce(lc_source, '(direct)'),
            'medium': coalesce(lc_medium, '(none)'),
            'default_channel_group': lc_group,
            'primary_channel_group': lc_group
        }
    } end as session_traffic_source_last_click,
    null as publisher,
    null as event_original_occurrence_timestamp
from addressed
order by event_timestamp, event_no, copy_no
