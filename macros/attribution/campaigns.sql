{#
    A campaign's name as names are compared:
    without blanks, hyphens and underscores, in lower case and one width; null where it names none.
#}
{% macro campaign_word(campaign) -%}
    nullif(
        {{ madang.regex_replace(madang.word_key(madang.real_campaign(campaign)), '[-_]+', '') }}, ''
    )
{%- endmacro %}


{#
    The key of a campaign that no platform bills: by the source and name of its links;
    one key for all traffic without a campaign.
#}
{% macro unbilled_campaign_key(source, campaign) -%}
    case
        when {{ campaign_word(campaign) }} is null then {{ surrogate_key(["'no campaign'"]) }}
        else {{ surrogate_key(["'links'", 'lower(' ~ source ~ ')', campaign_word(campaign)]) }}
    end
{%- endmacro %}


{#
    The workspace's day of a platform's day: the one on which it is noon there. Amounts stay whole;
    where the account's days begin elsewhere, part of each day belongs to the day beside it.
#}
{% macro workspace_date(day, zone) -%}
    {{ local_date(
        timestamp_from_local_text("concat(cast(" ~ day ~ " as string), ' 12:00:00')", zone)
    ) }}
{%- endmacro %}
