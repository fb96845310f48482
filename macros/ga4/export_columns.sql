{# The export's columns that the models read, with their DuckDB types (BigQuery knows them from the tables). #}
{% macro ga4_export_columns() %}
    {% set param_value = 'struct(string_value varchar, int_value bigint, float_value double, double_value double)' %}
    {% set manual_campaign = 'struct(campaign_id varchar, campaign_name varchar, source varchar, medium varchar)' %}
    {% set cross_channel = 'struct(campaign_id varchar, campaign_name varchar, source varchar, medium varchar, default_channel_group varchar)' %}
    {{ return({
        'event_date': 'varchar',
        'event_timestamp': 'bigint',
        'event_name': 'varchar',
        'event_params': 'struct(key varchar, value ' ~ param_value ~ ')[]',
        'event_bundle_sequence_id': 'bigint',
        'user_id': 'varchar',
        'user_pseudo_id': 'varchar',
        'privacy_info': 'struct(analytics_storage varchar, ads_storage varchar, uses_transient_token varchar)',
        'device': 'struct(category varchar, operating_system varchar, browser varchar, web_info struct(browser varchar, hostname varchar))',
        'geo': 'struct(country varchar, region varchar, city varchar)',
        'stream_id': 'varchar',
        'platform': 'varchar',
        'ecommerce': 'struct(purchase_revenue double, refund_value double, transaction_id varchar, total_item_quantity bigint)',
        'collected_traffic_source': 'struct(manual_campaign_id varchar, manual_campaign_name varchar, manual_source varchar, manual_medium varchar, manual_term varchar, manual_content varchar, gclid varchar, dclid varchar, srsltid varchar)',
        'batch_event_index': 'bigint',
        'batch_page_id': 'bigint',
        'batch_ordering_id': 'bigint',
        'session_traffic_source_last_click': 'struct(manual_campaign ' ~ manual_campaign ~ ', cross_channel_campaign ' ~ cross_channel ~ ')',
    }) }}
{% endmacro %}
