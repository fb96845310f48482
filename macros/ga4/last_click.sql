{#
    GA4's own last click of a session, as columns (each with a comma after it). Shards since 2025 say the source over all channels with its channel group; those
    of the months before name the campaign of the platform it came from, and leave the group to GA4's rules: then `last_click_platform` says which platform, and
    `last_click_detail` what its rules go by (an engine, a creative's format; the network of Google Ads is in no export).
#}
{% macro ga4_last_click() -%}
{%- set click = 'session_traffic_source_last_click' -%}
{%- set all = click ~ '.cross_channel_campaign' -%}
{%- set ads = click ~ '.google_ads_campaign' -%}
{%- set platforms = {'sa360': 'engine_account_type', 'dv360': 'creative_format', 'cm360': none} -%}
        case
            when {{ all }}.source is not null then {{ all }}.source
            when {{ ads }}.campaign_id is not null then 'google'
            {%- for platform in platforms %}
            when {{ click }}.{{ platform }}_campaign.campaign_id is not null then {{ click }}.{{ platform }}_campaign.source
            {%- endfor %}
            else {{ click }}.manual_campaign.source
        end as last_click_source,
        case
            when {{ all }}.source is not null then {{ all }}.medium
            when {{ ads }}.campaign_id is not null then 'cpc'
            {%- for platform in platforms %}
            when {{ click }}.{{ platform }}_campaign.campaign_id is not null then {{ click }}.{{ platform }}_campaign.medium
            {%- endfor %}
            else {{ click }}.manual_campaign.medium
        end as last_click_medium,
        case
            when {{ all }}.source is not null then {{ all }}.campaign_name
            when {{ ads }}.campaign_id is not null then {{ ads }}.campaign_name
            {%- for platform in platforms %}
            when {{ click }}.{{ platform }}_campaign.campaign_id is not null
                then {{ click }}.{{ platform }}_campaign.campaign_name
            {%- endfor %}
            else {{ click }}.manual_campaign.campaign_name
        end as last_click_campaign,
        {{ all }}.default_channel_group as last_click_channel_group,
        case
            when {{ all }}.default_channel_group is not null then null
            when {{ ads }}.campaign_id is not null then 'google_ads'
            {%- for platform in platforms %}
            when {{ click }}.{{ platform }}_campaign.campaign_id is not null then '{{ platform }}'
            {%- endfor %}
        end as last_click_platform,
        case
            when {{ all }}.default_channel_group is not null then null
            {%- for platform, detail in platforms.items() if detail %}
            when {{ click }}.{{ platform }}_campaign.campaign_id is not null
                then lower({{ click }}.{{ platform }}_campaign.{{ detail }})
            {%- endfor %}
        end as last_click_detail,
{%- endmacro %}
