{#
    A referral that starts no new source: from a payment provider (var('referral_exclusions')), or
    from one of the company's own sites (var('own_hostnames'), and the host of the session). A host
    stands for its subdomains too.
#}
{% macro is_excluded_referral(source, medium, hostname) -%}
    case
        when {{ medium }} is null or lower({{ medium }}) <> 'referral' then false
        else coalesce({{ same_site(source) }} = {{ same_site(hostname) }}, false)
            {%- for host in var('referral_exclusions') + var('own_hostnames') %}
            or {{ is_of_host(source, host) }}
            {%- endfor %}
    end
{%- endmacro %}


{% macro same_site(host) -%}
    {{ regex_replace('lower(' ~ host ~ ')', '^(www|m)[.]', '') }}
{%- endmacro %}


{# The host, or one of its subdomains; null is neither. #}
{% macro is_of_host(expression, host) -%}
    coalesce(
        lower({{ expression }}) = {{ text_literal(host | lower) }}
        or lower({{ expression }}) like {{ text_literal('%.' ~ host | lower) }},
        false
    )
{%- endmacro %}


{# Direct, as GA4 writes it. #}
{% macro is_direct(source, medium) -%}
    coalesce({{ source }} = '(direct)' and {{ medium }} in ('(none)', '(not set)'), false)
{%- endmacro %}


{#
    The source is one that Google is mistaken for when it loses an advertisement's click: none, its
    own unpaid search, or a referral from one of its own sites. A source that somebody wrote into
    the link stands.
#}
{% macro is_mistaken_for_google(source, medium) -%}
{%- set sites = '(^|[.])(google|youtube|gmail|doubleclick|googlesyndication|'
    ~ 'googleadservices)([.]|$)' -%}
    (
        {{ is_direct(source, medium) }}
        or {{ regex_matches('lower(' ~ source ~ ')', sites) }}
        and lower({{ medium }}) in ('organic', 'referral', '(none)', '(not set)', '')
    )
{%- endmacro %}


{# A campaign that names none; what GA4 puts there says of which medium it took the visit to be. #}
{% macro real_campaign(campaign) -%}
    case
        when lower({{ campaign }}) in (
            '(organic)', '(referral)', '(direct)', '(none)', '(not set)', ''
        )
            then null
        else {{ campaign }}
    end
{%- endmacro %}


{#
    The newest session up to this one that brought a source of its own: one of its columns.
    `relation` has started_at, session_key and has_touch.
#}
{% macro last_touch(column, partition, frame, relation=none) -%}
{%- set of = relation ~ '.' if relation else '' -%}
    last_value(case when {{ of }}has_touch then {{ column }} end ignore nulls) over (
        partition by {{ partition }} order by {{ of }}started_at, {{ of }}session_key {{ frame }}
    )
{%- endmacro %}


{#
    What a click of Google that was mistaken for something else is counted as: source and medium, by
    what its id says. That of dclid is the one of Universal Analytics; GA4 documents none.
#}
{% macro google_click_sources() %}
    {{ return({'google_ads': ['google', 'cpc'], 'marketing_platform': ['dfa', 'cpm']}) }}
{% endmacro %}
