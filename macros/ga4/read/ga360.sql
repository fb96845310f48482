{#
    Sessions of Universal Analytics as events of GA4's shape. `sessions` is a selection of
    `ga360_export_columns` with property_id and shard_suffix. A hit is one event. A page or screen
    with an e-commerce action is two events. One that shows a list of products is one more, as GA4
    counts them. docs/ga4-export.md has the table.
#}
{% macro ga360_as_events(sessions) -%}
    {%- set shapes = ga4_export_columns() -%}
    {%- set values = {
        'event_date': 'session.date',
        'event_timestamp': 'session.visitStartTime * 1000000 + coalesce(hit.time, 0) * 1000',
        'event_name': 'event.name',
        'event_params': ga360_params(shapes),
        'event_bundle_sequence_id': 'hit.hitNumber',
        'user_id': 'session.userId',
        'user_pseudo_id': 'coalesce(session.clientId, session.fullVisitorId)',
        'device': ga4_struct(shapes.device, {
            'category': 'session.device.deviceCategory',
            'mobile_brand_name': 'session.device.mobileDeviceBranding',
            'mobile_model_name': 'session.device.mobileDeviceModel',
            'mobile_marketing_name': 'session.device.mobileDeviceMarketingName',
            'operating_system': 'session.device.operatingSystem',
            'operating_system_version': 'session.device.operatingSystemVersion',
            'language': 'session.device.language',
            'web_info': {
                'browser': 'session.device.browser',
                'browser_version': 'session.device.browserVersion',
                'hostname': 'hit.page.hostname',
            },
        }),
        'geo': ga4_struct(shapes.geo, {
            'city': 'session.geoNetwork.city',
            'country': 'session.geoNetwork.country',
            'continent': 'session.geoNetwork.continent',
            'region': 'session.geoNetwork.region',
            'sub_continent': 'session.geoNetwork.subContinent',
            'metro': 'session.geoNetwork.metro',
        }),
        'app_info': ga4_struct(shapes.app_info, {
            'id': 'hit.appInfo.id',
            'version': 'hit.appInfo.version',
            'install_store': 'hit.appInfo.installerId',
        }),
        'stream_id': 'session.property_id',
        'platform': "case
            when hit.type <> 'APPVIEW' and coalesce(hit.dataSource, 'web') <> 'app' then 'WEB'
            when session.device.operatingSystem = 'iOS' then 'IOS'
            else 'ANDROID'
        end",
        'ecommerce': ga4_struct(shapes.ecommerce, ga360_ecommerce()),
        'items': ga360_items(shapes['items'][0]),
        'collected_traffic_source': ga4_struct(shapes.collected_traffic_source, {
            'gclid': 'case when ' ~ ga360_is_first_hit()
            ~ ' then session.trafficSource.adwordsClickInfo.gclId end',
        }),
        'session_traffic_source_last_click': ga4_struct(shapes.session_traffic_source_last_click, {
            'cross_channel_campaign': ga360_last_click(),
        }),
        'batch_event_index': 'hit.hitNumber * 4 + event.place',
    } -%}
    select
        {%- for name, shape in shapes.items() %}
        {{ values[name] if name in values else 'cast(null as ' ~ ga4_type(shape) ~ ')' }}
            as {{ name }},
        {%- endfor %}
        session.property_id,
        session.shard_suffix
    from ({{ sessions }}) as session
    cross join {{ ga4_rows('session.hits', 'hit') }}
    cross join {{ ga4_rows(ga360_events(), 'event') }}
    where event.name is not null
{%- endmacro %}


{# The events that a hit is, as a list of {name, place}; the name is null where there is none. #}
{% macro ga360_events() -%}
    {%- set ecommerce -%}
    case
        when hit.eCommerceAction.action_type = '1' then 'select_item'
        when hit.eCommerceAction.action_type = '2' then 'view_item'
        when hit.eCommerceAction.action_type = '3' then 'add_to_cart'
        when hit.eCommerceAction.action_type = '4' then 'remove_from_cart'
        when hit.eCommerceAction.action_type = '5' and coalesce(hit.eCommerceAction.step, 1) = 1
            then 'begin_checkout'
        when hit.eCommerceAction.action_type = '5' then 'checkout_progress'
        when hit.eCommerceAction.action_type = '6' then 'purchase'
        when hit.eCommerceAction.action_type = '7' then 'refund'
        when hit.eCommerceAction.action_type = '8' then 'set_checkout_option'
        when hit.type = 'TRANSACTION' then 'purchase'
        when hit.promotionActionInfo.promoIsClick then 'select_promotion'
        when hit.promotionActionInfo.promoIsView then 'view_promotion'
    end
    {%- endset -%}
    {%- set own -%}
    case
        when hit.type = 'PAGE' then 'page_view'
        when hit.type = 'APPVIEW' then 'screen_view'
        when {{ ecommerce }} is not null then null
        when hit.type = 'EVENT' then coalesce(nullif(trim({{ regex_replace(
            "lower(concat(coalesce(hit.eventInfo.eventCategory, ''), ' ', "
            ~ "coalesce(hit.eventInfo.eventAction, '')))",
            '[^\\pL\\pN]+', '_'
        ) }}, '_'), ''), 'event')
        when hit.type = 'SOCIAL' then 'share'
        when hit.type = 'TIMING' then 'timing_complete'
        else lower(hit.type)
    end
    {%- endset -%}
    {%- set shown = ga4_list("1", 'product', 'hit.product', 'product.isImpression') -%}
    {%- set shape = ga4_fields('name place:int64') -%}
    [
        {{ ga4_struct(shape, {'name': own, 'place': '0'}) }},
        {{ ga4_struct(shape, {'name': ecommerce, 'place': '1'}) }},
        {{ ga4_struct(
            shape,
            {
                'name': "case when " ~ ga4_list_length(shown) ~ " > 0 then 'view_item_list' end",
                'place': '2'
            }
        ) }}
    ]
{%- endmacro %}


{# Campaigns stand on the first hit of a session, as GA4 has them on the event that begins one. #}
{% macro ga360_is_first_hit() -%}
    hit.hitNumber = {{ ga4_first_of('session.hits') }}.hitNumber
{%- endmacro %}


{#
    Universal Analytics' own answer to where a session came from, where it has one:
    its source, and the channel that it made of it.
#}
{% macro ga360_last_click() %}
    {% set fields = {'default_channel_group': 'session.channelGrouping'} %}
    {% set none_said = {'source': '(direct)', 'medium': '(none)', 'campaign': '(not set)'} %}
    {% for name, otherwise in none_said.items() %}
        {% do fields.update({'campaign_name' if name == 'campaign' else name:
            "case when session.channelGrouping is not null then coalesce(session.trafficSource."
            ~ name ~ ", '" ~ otherwise ~ "') end"}) %}
    {% endfor %}
    {{ return(fields) }}
{% endmacro %}
