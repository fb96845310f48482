{#
    A list: a seed, and the rows that a company adds in a seed `<list>_added` with the same columns.
    `madang_lists_added` names those seeds. An added row replaces the rows of the list with the same
    key. It has the types of the list, whatever dbt takes its values for: to BigQuery a price
    without a decimal point is a whole number.
#}
{% macro list_of(name) %}
    {%- if name not in var('madang_lists_added', [])
        or (execute and model.resource_type == 'unit_test') -%}
        {{ return(ref(name)) }}
    {%- endif -%}
    {%- set keys = {
        'ad_platforms': ['source'],
        'api_versions': ['destination', 'first_version'],
        'blocked_identifiers': ['identifier_type', 'pattern'],
        'bot_browsers': ['pattern'],
        'braze_names': ['kind', 'braze_name'],
        'campaign_experiments': ['campaign_id'],
        'campaign_map': ['platform', 'account_id', 'campaign'],
        'channel_hosts': ['host'],
        'consent_policy': ['channel', 'purpose'],
        'consent_signal_rules': ['source', 'signal', 'via', 'channel', 'purpose'],
        'contact_reasons': ['reason'],
        'data_centre_cities': ['country', 'city'],
        'fx_rates': ['rate_date', 'from_currency', 'to_currency'],
        'ga4_integrated_channels': ['platform', 'detail'],
        'ga4_source_categories': ['source'],
        'identifier_rules': ['identifier_type'],
        'inquiry_rules': ['inquiry_group', 'word', 'and_word'],
        'lift_test_results': ['test', 'channel_group'],
        'message_audiences': ['campaign_id'],
        'message_channels': ['channel', 'conversion_type'],
        'message_prices': ['channel'],
        'notice_field_words': ['word'],
        'outcome_products': ['word'],
        'outcome_reasons': ['word'],
        'outcome_statuses': ['word'],
        'placeholder_ids': ['placeholder'],
        'promotions': ['promotion', 'first_date'],
        'reward_campaigns': ['campaign', 'via', 'channel', 'first_date'],
        'rfm_groups': ['recency_score', 'value_score'],
        'sensitive_list_words': ['word'],
        'stage_targets': ['journey', 'stage'],
        'survivorship': ['field', 'source'],
        'tiers': ['tier'],
        'upload_limits': ['platform'],
        'waterfall_losses': ['reason'],
    }[name] -%}
    {%- set added, same = ref(name ~ '_added'), [] -%}
    {%- for key in keys -%}
        {%- do same.append(
            "coalesce(cast(added." ~ key ~ " as string), '') = coalesce(cast(listed." ~ key
            ~ " as string), '')"
        ) -%}
    {%- endfor -%}
    {%- set listed, typed = (graph.nodes.get('seed.madang.' ~ name) if execute else none), [] -%}
    {%- for column, type in (listed.config.column_types if listed else {}).items() -%}
        {%- do typed.append('cast(' ~ column ~ ' as ' ~ type ~ ') as ' ~ column) -%}
    {%- endfor -%}
    {{ return(
        '(select *' ~ (' replace (' ~ typed | join(', ') ~ ')' if typed else '') ~ ' from ' ~ added
        ~ ' union all select listed.* from ' ~ ref(name)
        ~ ' as listed where not exists (select 1 from ' ~ added ~ ' as added where '
        ~ same | join(' and ') ~ '))'
    ) }}
{% endmacro %}
