{#
    What the address of the landing page says about the click. `query` is the part after the
    question mark, in lower case. docs/channels.md says which parameters their platforms document.
    Rare parameters are looked for only where they can be, because regular expressions are slow and
    there is a landing page per session.
#}

{% macro url_query(url) -%}
    case when strpos({{ url }}, '?') > 0 then lower({{ regex_extract(url, '[?]([^#]*)') }}) end
{%- endmacro %}


{# A host without www., from an address; also of an application's (android-app://com.kakao.talk). #}
{% macro url_host(url) -%}
    lower({{ regex_extract(url, '^[a-zA-Z-]+://(?:www[.])?([^/?#:]+)') }})
{%- endmacro %}


{# One of the parameters is there and not empty. #}
{% macro has_parameter(query, names) -%}
    {{ regex_matches(query, '(^|&)(' ~ names | join('|') ~ ')=[^&]') }}
{%- endmacro %}


{#
    None of the texts is anywhere in the query, or there is none:
    cheaper to know than a regular expression.
#}
{% macro has_none_of(query, texts) -%}
    (
        {{ query }} is null
        or
        {% for text in texts %}
        strpos({{ query }}, '{{ text }}'){{ ' + ' if not loop.last }}
        {% endfor %} = 0
    )
{%- endmacro %}


{#
    google_ads (gclid, and wbraid or gbraid where iOS hides it), marketing_platform (dclid:
    Display & Video 360, Campaign Manager 360), or null.
#}
{% macro google_click(query, gclid, dclid) -%}
    case
        when {{ gclid }} <> '' then 'google_ads'
        when {{ dclid }} is null and {{ has_none_of(query, ['clid=', 'braid=']) }} then null
        when {{ has_parameter(query, ['gclid', 'wbraid', 'gbraid']) }} then 'google_ads'
        when {{ dclid }} <> '' or {{ has_parameter(query, ['dclid']) }} then 'marketing_platform'
    end
{%- endmacro %}


{#
    What kind of click of Naver: brand, shopping, display, search (advertisements), listing (a
    shop's product in Naver Shopping), other, or null. Naver adds NaPm, a list of names and values,
    to every click; its `tr` is the product. Automatic tracking of search advertisements adds the n_
    parameters.
#}
{% macro naver_click(query) -%}
{%- set product = regex_extract(query, '(?:^|&)napm=(?:[^&]*(?:%7c|[|]))?tr(?:%3d|=)([a-z]+)') -%}
{%- set campaign = regex_extract(query, '(?:^|&)n_campaign_type=([0-9]+)') -%}
{%- set tracked = [
    'n_media', 'n_query', 'n_rank', 'n_ad', 'n_ad_group',
    'n_keyword', 'n_keyword_id', 'n_campaign_type', 'n_match'
] -%}
    case
        when {{ has_none_of(query, ['napm=', 'n_']) }} then null
        when {{ product }} = 'brnd' or {{ campaign }} = '4' then 'brand'
        when {{ product }} = 'pla' or {{ campaign }} = '2' then 'shopping'
        when {{ product }} = 'gfa' then 'display'
        when {{ product }} = 'sa' or {{ has_parameter(query, tracked) }} then 'search'
        when {{ product }} like 'sl%' then 'listing'
        when {{ has_parameter(query, ['napm']) }} then 'other'
    end
{%- endmacro %}


{#
    keyword (search advertisements of Kakao and Daum),
    moment (every other advertisement of Kakao), or null.
#}
{% macro kakao_click(query) -%}
{%- set tracked = [
    'k_campaign', 'k_adgroup', 'k_keyword', 'k_keyword_id', 'k_creative', 'k_media', 'k_rank'
] -%}
    case
        when {{ has_none_of(query, ['k_', 'kclid=']) }} then null
        when {{ has_parameter(query, tracked) }} then 'keyword'
        when {{ has_parameter(query, ['kclid']) }} then 'moment'
    end
{%- endmacro %}


{# OpenAI adds oppref to the links of its advertisements in ChatGPT. #}
{% macro has_openai_click(query) -%}
    case
        when {{ has_none_of(query, ['oppref=']) }} then false
        else {{ has_parameter(query, ['oppref']) }}
    end
{%- endmacro %}


{# Braze's link aliasing adds lid to the links of its e-mails. #}
{% macro has_braze_link(query) -%}
    case
        when {{ has_none_of(query, ['lid=']) }} then false
        else {{ has_parameter(query, ['lid']) }}
    end
{%- endmacro %}


{#
    The campaign's id at its platform: utm_id, which one writes into links, or gad_campaignid,
    which Google Ads adds to its own.
#}
{% macro linked_campaign_id(query) -%}
    case
        when {{ has_none_of(query, ['utm_id=', 'gad_campaignid=']) }} then null
        else {{ regex_extract(query, '(?:^|&)(?:utm_id|gad_campaignid)=([0-9a-z_.-]+)') }}
    end
{%- endmacro %}
