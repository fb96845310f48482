{#
    The channel in the words of this market, beside GA4's channel group. The first rule that holds
    counts, else GA4's own word. Arguments are SQL expressions in lower case, except `group` (GA4's
    channel group) and `host` (the entry of the source, else the referrer, in the seed
    `channel_hosts`).
#}
{% macro channel_plus(
    source, medium, campaign, group, is_paid, naver, kakao, has_openai_click, has_braze_link, host
) %}
{%- set email = "('email', 'e-mail', 'e_mail', 'e mail')" -%}
{%- set is_naver = source ~ " like 'naver%'" -%}
{%- set is_kakao = source ~ " like 'kakao%'" -%}
{%- set is_daum = source ~ " like 'daum%'" -%}
{%- set is_braze = "(" ~ source ~ " like 'braze%' or " ~ source ~ " = 'appboy')" -%}
case
    -- messages of KakaoTalk, whoever sends them
    when {{ medium }} in ({{ text_literals(['alimtalk', 'alim_talk', 'alim-talk', '알림톡']) }})
        or {{ source }} in ('alimtalk', 'kakao_alimtalk', 'kakao-alimtalk') then 'Kakao Alimtalk'
    when {{ medium }} in ({{ text_literals([
            'friendtalk', 'friend_talk', 'friend-talk',
            '친구톡', 'brandmessage', 'brand_message', '브랜드메시지',
        ]) }})
        or {{ source }} in ('friendtalk', 'kakao_friendtalk', 'kakao-friendtalk')
        then 'Kakao Friendtalk'
    when {{ medium }} in (
        'kakao_msg', 'kakao_message', 'kakao-message', 'kakaomessage', 'kakaotalk_message'
    )
        then 'Kakao Message'
    -- advertisements of Naver
    when {{ naver }} = 'brand'
        or {{ is_naver }}
            and {{ regex_matches(medium, '^(bs|(mo|pc)?bsa|brand[ _-]?(search|zone).*|브랜드검색.*)$') }}
        then 'Naver Brand Search'
    when {{ naver }} = 'shopping'
        or {{ is_naver }} and {{ is_paid }} and {{ is_shop_campaign(campaign) }}
        then 'Naver Shopping Ads'
    when {{ naver }} = 'display'
        or {{ is_naver }} and ({{ is_display_medium(medium) }} or {{ medium }} in ('gfa', 'da'))
        then 'Naver Display Ads'
    when {{ naver }} = 'search' or {{ is_naver }} and {{ is_paid }} then 'Naver Search Ads'
    when {{ naver }} = 'listing' then 'Naver Shopping'
    when {{ naver }} = 'other' then 'Naver Other'
    -- advertisements of Kakao
    when {{ kakao }} = 'keyword'
        or ({{ is_kakao }} or {{ is_daum }}) and {{ medium }} = 'keyword'
        or {{ is_daum }} and {{ is_paid }} then 'Kakao Keyword Ads'
    when {{ kakao }} = 'moment'
        or {{ is_kakao }}
            and ({{ is_paid }} or {{ is_display_medium(medium) }} or {{ medium }} like '%bizboard%')
        then 'Kakao Moment Ads'
    -- advertisements in ChatGPT
    when {{ has_openai_click }} then 'ChatGPT Ads'
    -- messages of Braze
    when {{ medium }} in {{ email }} and ({{ is_braze }} or {{ has_braze_link }}) then 'Braze Email'
    when {{ is_braze }} and {{ medium }} like '%push%' then 'Braze Push'
    when {{ is_braze }} and {{ medium }} in ('sms', 'lms', 'mms', 'rcs') then 'Braze SMS'
    when {{ is_braze }}
        and {{ regex_matches(medium, '^(in[ _-]?app.*|iam|content[ _-]?cards?|banner)$') }}
        then 'Braze In-App'
    when {{ is_braze }} then 'Braze Other'
    -- what is not paid for, by who sent it
    when {{ is_paid }} then {{ group }}
    when {{ group }} = 'AI Assistant' or {{ host }} = 'AI Assistant' then 'AI Assistant'
    when {{ host }} is not null then {{ host }}
    when {{ is_naver }} and {{ medium }} = 'organic' then 'Naver Organic Search'
    when {{ is_daum }} and {{ medium }} = 'organic' then 'Daum Organic Search'
    else {{ group }}
end
{%- endmacro %}
