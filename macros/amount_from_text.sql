{# An amount as people write it (12,000,000원, ₩12,000, 3백만) as a number; null where it cannot be read. #}
{% macro amount_from_text(expression) -%}
    {%- set bare = regex_replace(expression, '[,₩원\\s]', '') -%}
    {%- set figure = safe_cast_as(regex_extract(bare, '^(-?[0-9]+(?:[.][0-9]+)?)'), float64()) -%}
    case
        when {{ regex_matches(bare, '^-?[0-9]+([.][0-9]+)?$') }} then {{ figure }}
        when {{ regex_matches(bare, '^-?[0-9]+([.][0-9]+)?천$') }} then {{ figure }} * 1e3
        when {{ regex_matches(bare, '^-?[0-9]+([.][0-9]+)?만$') }} then {{ figure }} * 1e4
        when {{ regex_matches(bare, '^-?[0-9]+([.][0-9]+)?백만$') }} then {{ figure }} * 1e6
        when {{ regex_matches(bare, '^-?[0-9]+([.][0-9]+)?천만$') }} then {{ figure }} * 1e7
        when {{ regex_matches(bare, '^-?[0-9]+([.][0-9]+)?억$') }} then {{ figure }} * 1e8
    end
{%- endmacro %}
