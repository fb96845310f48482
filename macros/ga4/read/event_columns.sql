{# The columns of base_ga4__events that every project has, in order. #}
{% macro ga4_fixed_columns() %}
    {{ return([
        'property_id', 'stream_id', 'platform', 'user_pseudo_id', 'user_id',
        'event_bundle_sequence_id', 'batch_page_id', 'batch_ordering_id', 'batch_event_index',
        'event_name', 'event_date', 'event_timestamp', 'ecommerce_transaction_id',
        'purchase_revenue', 'refund_value', 'device_category', 'operating_system', 'browser',
        'hostname', 'country', 'region', 'city', 'collected_source', 'collected_medium',
        'collected_campaign', 'collected_campaign_id', 'collected_term', 'collected_content',
        'collected_gclid', 'collected_dclid', 'collected_srsltid', 'last_click_source',
        'last_click_medium', 'last_click_campaign', 'last_click_campaign_id',
        'last_click_channel_group',
        'last_click_platform', 'last_click_detail',
        'is_active_user', 'analytics_storage',
    ]) }}
{% endmacro %}


{# With those that come after them: further fields, user properties and parameters. #}
{% macro ga4_event_columns() %}
    {% set columns = ga4_fixed_columns() %}
    {% for name in ga4_further_fields() %}{% do columns.append(name) %}{% endfor %}
    {% for name in var('ga4_user_properties') %}{% do columns.append('user_' ~ name) %}{% endfor %}
    {% for name in ga4_params() %}{% do columns.append(ga4_param_column(name)) %}{% endfor %}
    {% do columns.extend(['has_personal_data', 'reading_notes']) %}
    {{ return(columns) }}
{% endmacro %}


{#
    Fields of the export that are kept only where var('ga4_fields') names them: each text on every
    event adds 2 % to the work of reading an export. By their column's name, as expressions.
#}
{% macro ga4_further_fields() %}
    {% set known, kept = ga4_export_fields(), {} %}
    {% for name in var('ga4_fields') %}
        {% if name not in known %}
            {% do exceptions.raise_compiler_error(
                "var('ga4_fields') names '" ~ name
                ~ "', which is no field of the GA4 export. It can be: "
                ~ known.keys() | sort | join(', ') ~ "."
            ) %}
        {% endif %}
        {% do kept.update({name: known[name]}) %}
    {% endfor %}
    {{ return(kept) }}
{% endmacro %}

{% macro ga4_export_fields() %}
    {% set last_click = 'session_traffic_source_last_click.' %}
    {{ return({
        'language': 'device.language',
        'browser_version': 'coalesce(device.web_info.browser_version, device.browser_version)',
        'operating_system_version': 'device.operating_system_version',
        'mobile_brand': 'device.mobile_brand_name',
        'mobile_model': 'device.mobile_model_name',
        'mobile_marketing_name': 'device.mobile_marketing_name',
        'advertising_id': 'device.advertising_id',
        'time_zone_offset_seconds': 'device.time_zone_offset_seconds',
        'app_version': 'app_info.version',
        'app_id': 'app_info.id',
        'app_install_source': 'app_info.install_source',
        'continent': 'geo.continent',
        'sub_continent': 'geo.sub_continent',
        'metro': 'geo.metro',
        'first_user_source': 'traffic_source.source',
        'first_user_medium': 'traffic_source.medium',
        'first_user_campaign': 'traffic_source.name',
        'last_click_primary_channel_group': last_click
        ~ 'cross_channel_campaign.primary_channel_group',
        'google_ads_customer_id': last_click ~ 'google_ads_campaign.customer_id',
        'google_ads_campaign_id': last_click ~ 'google_ads_campaign.campaign_id',
        'google_ads_ad_group_id': last_click ~ 'google_ads_campaign.ad_group_id',
        'ads_storage': 'privacy_info.ads_storage',
        'uses_transient_token': 'privacy_info.uses_transient_token',
        'user_first_touch_timestamp': 'user_first_touch_timestamp',
        'user_ltv_revenue': number_within('user_ltv.revenue'),
        'user_ltv_currency': 'user_ltv.currency',
        'event_original_occurrence_timestamp': 'event_original_occurrence_timestamp',
        'event_previous_timestamp': 'event_previous_timestamp',
        'event_server_timestamp_offset': 'event_server_timestamp_offset',
        'event_value_in_usd': number_within('event_value_in_usd'),
        'purchase_revenue_in_usd': number_within('ecommerce.purchase_revenue_in_usd'),
        'refund_value_in_usd': number_within('ecommerce.refund_value_in_usd'),
        'shipping_value': number_within('ecommerce.shipping_value'),
        'tax_value': number_within('ecommerce.tax_value'),
        'total_item_quantity': 'ecommerce.total_item_quantity',
        'unique_items': 'ecommerce.unique_items',
        'publisher_ad_revenue_in_usd': number_within('publisher.ad_revenue_in_usd'),
    }) }}
{% endmacro %}
