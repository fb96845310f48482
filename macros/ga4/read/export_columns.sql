{#
    The columns of the GA4 export of 2026, in Google's order. A type is a name, a structure is a
    mapping, a repeated column is a list of one. Shards of any age are read into this shape.
#}
{% macro ga4_export_columns() %}
    {% set numbers = 'int_value:int64 float_value:float64 double_value:float64' %}
    {% set parameter = ga4_fields('key', {'value': ga4_fields('string_value ' ~ numbers)}) %}
    {% set property = ga4_fields(
        'key', {'value': ga4_fields('string_value ' ~ numbers ~ ' set_timestamp_micros:int64')}
    ) %}
    {% set campaign = 'campaign_id campaign_name source medium ' %}
    {{ return({
        'event_date': 'string',
        'event_timestamp': 'int64',
        'event_name': 'string',
        'event_params': [parameter],
        'event_previous_timestamp': 'int64',
        'event_value_in_usd': 'float64',
        'event_bundle_sequence_id': 'int64',
        'event_server_timestamp_offset': 'int64',
        'user_id': 'string',
        'user_pseudo_id': 'string',
        'privacy_info': ga4_fields('analytics_storage ads_storage uses_transient_token'),
        'user_properties': [property],
        'user_first_touch_timestamp': 'int64',
        'user_ltv': ga4_fields('revenue:float64 currency'),
        'device': ga4_fields(
            'category mobile_brand_name mobile_model_name mobile_marketing_name '
            ~ 'mobile_os_hardware_model operating_system operating_system_version vendor_id '
            ~ 'advertising_id language is_limited_ad_tracking time_zone_offset_seconds:int64 '
            ~ 'browser browser_version',
            {'web_info': ga4_fields('browser browser_version hostname')}
        ),
        'geo': ga4_fields('city country continent region sub_continent metro'),
        'app_info': ga4_fields('id version install_store firebase_app_id install_source'),
        'traffic_source': ga4_fields('name medium source'),
        'stream_id': 'string',
        'platform': 'string',
        'event_dimensions': ga4_fields('hostname'),
        'ecommerce': ga4_fields(
            'total_item_quantity:int64 purchase_revenue_in_usd:float64 purchase_revenue:float64 '
            ~ 'refund_value_in_usd:float64 refund_value:float64 shipping_value_in_usd:float64 '
            ~ 'shipping_value:float64 tax_value_in_usd:float64 tax_value:float64 '
            ~ 'unique_items:int64 transaction_id'
        ),
        'items': [ga4_fields(
            'item_id item_name item_brand item_variant item_category item_category2 item_category3 '
            ~ 'item_category4 item_category5 price_in_usd:float64 price:float64 quantity:int64 '
            ~ 'item_revenue_in_usd:float64 item_revenue:float64 item_refund_in_usd:float64 '
            ~ 'item_refund:float64 coupon affiliation location_id item_list_id item_list_name '
            ~ 'item_list_index promotion_id promotion_name creative_name creative_slot',
            {'item_params': [parameter]}
        )],
        'collected_traffic_source': ga4_fields(
            'manual_campaign_id manual_campaign_name manual_source manual_medium manual_term '
            ~ 'manual_content manual_source_platform manual_creative_format '
            ~ 'manual_marketing_tactic gclid dclid srsltid'
        ),
        'is_active_user': 'bool',
        'batch_event_index': 'int64',
        'batch_page_id': 'int64',
        'batch_ordering_id': 'int64',
        'session_traffic_source_last_click': {
            'manual_campaign': ga4_fields(
                campaign ~ 'term content source_platform creative_format marketing_tactic'
            ),
            'google_ads_campaign': ga4_fields(
                'customer_id account_name campaign_id campaign_name ad_group_id ad_group_name'
            ),
            'cross_channel_campaign': ga4_fields(
                campaign ~ 'source_platform default_channel_group primary_channel_group'
            ),
            'sa360_campaign': ga4_fields(
                campaign
                ~ 'ad_group_id ad_group_name creative_format engine_account_name '
                ~ 'engine_account_type manager_account_name'
            ),
            'cm360_campaign': ga4_fields(
                campaign
                ~ 'account_id account_name advertiser_id advertiser_name creative_id '
                ~ 'creative_format creative_name creative_type creative_type_id creative_version '
                ~ 'placement_id placement_cost_structure placement_name rendering_id site_id '
                ~ 'site_name'
            ),
            'dv360_campaign': ga4_fields(
                campaign
                ~ 'advertiser_id advertiser_name creative_id creative_format creative_name '
                ~ 'exchange_id exchange_name insertion_order_id insertion_order_name line_item_id '
                ~ 'line_item_name partner_id partner_name'
            ),
        },
        'publisher': ga4_fields('ad_revenue_in_usd:float64 ad_format ad_source_name ad_unit_id'),
        'event_original_occurrence_timestamp': 'int64',
    }) }}
{% endmacro %}


{#
    Fields as a mapping: the words of `text`, each `name` (a string) or `name:type`,
    and after them those of `nested`.
#}
{% macro ga4_fields(text, nested={}) %}
    {% set fields = {} %}
    {% for word in text.split() %}
        {% do fields.update(
            {word.split(':')[0]: word.split(':')[1] if ':' in word else 'string'}
        ) %}
    {% endfor %}
    {% do fields.update(nested) %}
    {{ return(fields) }}
{% endmacro %}


{# The warehouse's spelling of a type that is given as in `ga4_export_columns`. #}
{% macro ga4_type(shape) %}{{ return(adapter.dispatch('ga4_type', 'madang')(shape)) }}{% endmacro %}

{% macro default__ga4_type(shape) %}
    {% if shape is string %}{{ return(shape) }}{% endif %}
    {% if shape is not mapping %}{{ return('array<' ~ ga4_type(shape[0]) ~ '>') }}{% endif %}
    {% set fields = [] %}
    {% for name, field in shape.items() %}
        {% do fields.append(name ~ ' ' ~ ga4_type(field)) %}
    {% endfor %}
    {{ return('struct<' ~ fields | join(', ') ~ '>') }}
{% endmacro %}

{% macro duckdb__ga4_type(shape) %}
    {% set names = {
        'string': 'varchar', 'int64': 'bigint', 'float64': 'double', 'bool': 'boolean'
    } %}
    {% if shape is string %}{{ return(names[shape]) }}{% endif %}
    {% if shape is not mapping %}{{ return(ga4_type(shape[0]) ~ '[]') }}{% endif %}
    {% set fields = [] %}
    {% for name, field in shape.items() %}
        {% do fields.append('"' ~ name ~ '" ' ~ ga4_type(field)) %}
    {% endfor %}
    {{ return('struct(' ~ fields | join(', ') ~ ')') }}
{% endmacro %}
