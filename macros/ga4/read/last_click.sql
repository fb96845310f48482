{#
    GA4's own last click of a session, as columns (each with a comma after it). Shards since 2025
    have the source over all channels with its channel group. Earlier shards have the campaign of
    one platform and no group. For them `last_click_platform` is the platform, and
    `last_click_detail` has what GA4's rules need: an engine, or a creative's format. The network of
    Google Ads is in no export.
#}
{% macro ga4_last_click(shards) -%}
{%- set click = 'session_traffic_source_last_click' -%}
{%- set all = click ~ '.cross_channel_campaign' -%}
{%- set platforms = {} -%}
{%- for platform in ga4_click_platforms(shards) -%}
    {%- set name = click ~ '.' ~ platform ~ '_campaign' -%}
    {%- set detail = {'sa360': 'engine_account_type', 'dv360': 'creative_format'}.get(platform) -%}
    {%- do platforms.update({platform: {
        'is_there': name ~ '.campaign_id is not null',
        'source': "'google'" if platform == 'google_ads' else name ~ '.source',
        'medium': "'cpc'" if platform == 'google_ads' else name ~ '.medium',
        'campaign': name ~ '.campaign_name',
        'campaign_id': name ~ '.campaign_id',
        'detail': 'lower(' ~ name ~ '.' ~ detail ~ ')' if detail,
    }}) -%}
{%- endfor -%}
        {%- for part, field in {
            'source': 'source', 'medium': 'medium', 'campaign': 'campaign_name'
        }.items() %}
        case
            when {{ all }}.source is not null then {{ all }}.{{ field }}
            {%- for platform in platforms.values() %}
            when {{ platform.is_there }} then {{ platform[part] }}
            {%- endfor %}
            else {{ click }}.manual_campaign.{{ field }}
        end as last_click_{{ part }},
        {%- endfor %}
        coalesce(
            {{ all }}.campaign_id,
            {% for platform in platforms.values() -%} {{ platform.campaign_id }}, {% endfor %}
            {{ click }}.manual_campaign.campaign_id
        ) as last_click_campaign_id,
        {{ all }}.default_channel_group as last_click_channel_group,
        case
            when {{ all }}.default_channel_group is not null then null
            {%- for name, platform in platforms.items() %}
            when {{ platform.is_there }} then '{{ name }}'
            {%- endfor %}
            else cast(null as string)
        end as last_click_platform,
        case
            when {{ all }}.default_channel_group is not null then null
            {%- for platform in platforms.values() if platform.detail %}
            when {{ platform.is_there }} then {{ platform.detail }}
            {%- endfor %}
            else cast(null as string)
        end as last_click_detail,
{%- endmacro %}


{#
    The platforms whose campaigns are looked at, in this order:
    those that the shards name any campaign of, where that can be known beforehand.
#}
{% macro ga4_click_platforms(shards) %}
    {{ return(adapter.dispatch('ga4_click_platforms', 'madang')(shards)) }}
{% endmacro %}

{% macro default__ga4_click_platforms(shards) %}
    {{ return(['google_ads', 'sa360', 'dv360', 'cm360']) }}
{% endmacro %}

{#
    A column of nothing costs its reading too, and most shards have no campaign of most platforms:
    the files' own statistics say which.
#}
{% macro duckdb__ga4_click_platforms(shards) %}
    {% set all = default__ga4_click_platforms(shards) %}
    {% set files, others = [], [] %}
    {% for shard in shards %}
        {% for file in shard.location.split('\n') %}
            {% do (files if file.endswith('.parquet') else others).append(file) %}
        {% endfor %}
    {% endfor %}
    {% if not execute or others or not files %}{{ return(all) }}{% endif %}
    {% set query %}
        select distinct split_part(split_part(path_in_schema, ', ', 2), '_campaign', 1)
        from parquet_metadata([{{ text_literals(files) }}])
        where
            starts_with(path_in_schema, 'session_traffic_source_last_click, ')
            and ends_with(path_in_schema, ', campaign_id')
            and coalesce(stats_null_count, -1) <> num_values
    {% endset %}
    {% set named = run_query(query).columns[0].values() | list %}
    {{ return(all | select('in', named) | list) }}
{% endmacro %}
