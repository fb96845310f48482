{#
    The path of a page's address, without query and fragment; `/` where the address has none, null
    where it is no address of a web page. The scheme may be in any case: servers and apps write
    addresses that no browser would.
#}
{% macro path_of_page(address) -%}
    {%- set scheme = '^\\s*[Hh][Tt][Tt][Pp][Ss]?://' -%}
    coalesce(
        {{ regex_extract(address, scheme ~ '[^/?#\\s]+(/[^?#]*)') }},
        case when {{ regex_matches(address, scheme ~ '[^/?#\\s]') }} then '/' end
    )
{%- endmacro %}
