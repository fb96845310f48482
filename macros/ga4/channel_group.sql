{#
    GA4's default channel group of traffic, by tags or by its referrer, in the order of Google's
    page (support.google.com/analytics/answer/9756891, September 2026). Arguments are SQL
    expressions in lower case, because Google's rules ignore case. `category` is the source's
    category in `ga4_source_categories`. Without a match it is Unassigned.
#}
{% macro channel_group(source, medium, campaign, category) %}
{%- set email = "('email', 'e-mail', 'e_mail', 'e mail')" -%}
case
    when {{ source }} = '(direct)' and {{ medium }} in ('(not set)', '(none)') then 'Direct'
    when {{ campaign }} like '%cross-network%' then 'Cross-network'
    when ({{ category }} = 'shopping' or {{ is_shop_campaign(campaign) }})
        and {{ is_paid_medium(medium) }} then 'Paid Shopping'
    when {{ category }} = 'search' and {{ is_paid_medium(medium) }} then 'Paid Search'
    when {{ category }} = 'social' and {{ is_paid_medium(medium) }} then 'Paid Social'
    when {{ category }} = 'video' and {{ is_paid_medium(medium) }} then 'Paid Video'
    when {{ is_display_medium(medium) }} then 'Display'
    when {{ is_paid_medium(medium) }} then 'Paid Other'
    when {{ category }} = 'shopping' or {{ is_shop_campaign(campaign) }} then 'Organic Shopping'
    when {{ category }} = 'social'
        or {{ medium }} in (
            'social', 'social-network', 'social-media', 'sm', 'social network', 'social media'
        )
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


{#
    Google's words for a medium that is paid for, for one of display advertising,
    and for a campaign of a shop.
#}
{% macro is_paid_medium(medium) -%}
    {{ regex_matches(medium, '^(.*cp.*|ppc|retargeting|paid.*)$') }}
{%- endmacro %}

{% macro is_display_medium(medium) -%}
    {{ medium }} in ('display', 'banner', 'expandable', 'interstitial', 'cpm')
{%- endmacro %}

{% macro is_shop_campaign(campaign) -%}
    {{ regex_matches(campaign, '^(.*(([^a-df-z]|^)shop|shopping).*)$') }}
{%- endmacro %}
