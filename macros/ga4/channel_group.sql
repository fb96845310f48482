{#
    GA4's default channel group for manual traffic, in the order of Google's page (support.google.com/analytics/answer/9756891, September 2026).
    Arguments are SQL expressions; `category` is the source's category in `ga4_source_categories`. Matching ignores case.
#}
{% macro channel_group(source, medium, campaign, category) %}
{%- set paid = '^(.*cp.*|ppc|retargeting|paid.*)$' -%}
{%- set shop = '^(.*(([^a-df-z]|^)shop|shopping).*)$' -%}
{%- set email = "('email', 'e-mail', 'e_mail', 'e mail')" -%}
case
    when {{ source }} = '(direct)' and {{ medium }} in ('(not set)', '(none)') then 'Direct'
    when {{ campaign }} like '%cross-network%' then 'Cross-network'
    when ({{ category }} = 'shopping' or {{ regex_matches(campaign, shop) }})
        and {{ regex_matches(medium, paid) }} then 'Paid Shopping'
    when {{ category }} = 'search' and {{ regex_matches(medium, paid) }} then 'Paid Search'
    when {{ category }} = 'social' and {{ regex_matches(medium, paid) }} then 'Paid Social'
    when {{ category }} = 'video' and {{ regex_matches(medium, paid) }} then 'Paid Video'
    when {{ medium }} in ('display', 'banner', 'expandable', 'interstitial', 'cpm') then 'Display'
    when {{ regex_matches(medium, paid) }} then 'Paid Other'
    when {{ category }} = 'shopping' or {{ regex_matches(campaign, shop) }} then 'Organic Shopping'
    when {{ category }} = 'social'
        or {{ medium }} in ('social', 'social-network', 'social-media', 'sm', 'social network', 'social media')
        then 'Organic Social'
    when {{ category }} = 'video' or {{ medium }} like '%video%' then 'Organic Video'
    when {{ category }} = 'search' or {{ medium }} = 'organic' then 'Organic Search'
    when {{ medium }} = 'ai-assistant' then 'AI Assistant'
    when {{ medium }} in ('referral', 'app', 'link') then 'Referral'
    when {{ source }} in {{ email }} or {{ medium }} in {{ email }} then 'Email'
    when {{ medium }} = 'affiliate' then 'Affiliates'
    when {{ medium }} = 'audio' then 'Audio'
    when {{ source }} = 'sms' or {{ medium }} = 'sms' then 'SMS'
    when {{ medium }} like '%push'
        or {{ medium }} like '%mobile%'
        or {{ medium }} like '%notification%'
        or {{ source }} = 'firebase' then 'Mobile Push Notifications'
    else 'Unassigned'
end
{%- endmacro %}
