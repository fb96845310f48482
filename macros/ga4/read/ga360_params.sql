{#
    The parameters of an event that was a hit, those that it has;
    custom dimensions of the hit and of the session are cd<index>.
#}
{% macro ga360_params(shapes) %}
    {% set shape = shapes.event_params[0] %}
    {% set first = 'case when ' ~ ga360_is_first_hit() ~ ' then ' %}
    {% set named = "nullif(nullif(nullif(session.trafficSource.%s, '(direct)'), '(none)'), '(not "
        ~ "set)') end" %}
    {% set texts = {
        'page_location': "case
            when hit.page.hostname is not null and hit.page.pagePath is not null
                then concat('https://', hit.page.hostname, hit.page.pagePath)
        end",
        'page_title': 'hit.page.pageTitle',
        'page_referrer': 'hit.referer',
        'search_term': 'hit.page.searchKeyword',
        'firebase_screen': 'hit.appInfo.screenName',
        'source': first ~ named % 'source',
        'medium': first ~ named % 'medium',
        'campaign': first ~ named % 'campaign',
        'term': first ~ named % 'keyword',
        'content': first ~ named % 'adContent',
        'gclid': first ~ named % 'adwordsClickInfo.gclId',
        'event_category': 'hit.eventInfo.eventCategory',
        'event_action': 'hit.eventInfo.eventAction',
        'event_label': 'hit.eventInfo.eventLabel',
        'transaction_id': ga360_ecommerce().transaction_id,
        'currency': "case when event.name in ('purchase', 'refund') then "
            ~ "hit.transaction.currencyCode end",
        'coupon': "case when event.name = 'purchase' then hit.transaction.transactionCoupon end",
        'checkout_option': "case when event.place = 1 then hit.eCommerceAction.option end",
        'session_engaged': "case
            when session.totals.timeOnSite >= 10 or session.totals.transactions > 0
                or coalesce(session.totals.pageviews, 0) + coalesce(session.totals.screenviews, 0)
                    >= 2
                then '1'
            else '0'
        end",
        'ua_channel_grouping': first ~ 'session.channelGrouping end',
    } %}
    {% set numbers = {
        'ga_session_id': 'session.visitId',
        'ga_session_number': 'session.visitNumber',
        'entrances': 'case when hit.isEntrance and event.place = 0 then 1 end',
        'checkout_step': 'case when event.place = 1 then hit.eCommerceAction.step end',
    } %}
    {% set amounts = {
        'value': 'coalesce(' ~ ga360_ecommerce().purchase_revenue ~ ', '
        ~ ga360_ecommerce().refund_value
            ~ ', hit.eventInfo.eventValue)',
    } %}
    {% set params = [] %}
    {% for field, of_field in {
        'string_value': texts, 'int_value': numbers, 'double_value': amounts
    }.items() %}
        {% for name, expression in of_field.items() %}
            {% do params.append(
                ga4_struct(shape, {'key': "'" ~ name ~ "'", 'value': {field: expression}})
            ) %}
        {% endfor %}
    {% endfor %}
    {% set has_value = 'coalesce(param.value.string_value, cast(param.value.int_value as string), '
        ~ 'cast(param.value.double_value as string)) is not null' %}
    {% set dimension = ga4_struct(shape, {
        'key': "concat('cd', cast(dimension.index as string))",
        'value': {'string_value': 'dimension.value'},
    }) %}
    {{ return(ga4_joined_lists([
        ga4_list('param', 'param', '[' ~ params | join(',\n            ') ~ ']', has_value),
        ga4_list(dimension, 'dimension', 'hit.customDimensions', 'dimension.value is not null'),
        ga4_list(dimension, 'dimension', 'session.customDimensions', 'dimension.value is not null'),
    ])) }}
{% endmacro %}
