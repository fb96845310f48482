{#
    A value of the wanted type from the three in which the export may hold it; null where it cannot
    be read as such. The type `why` gives the cause of that in place of the value; see notes.sql.
#}
{% macro ga4_value_as(type, text, whole, number, name='') -%}
    {%- if type == 'string' -%}
    coalesce(
        {{ text }}, cast({{ whole }} as string), {{ float_text(number_within(number, '1.7e308')) }}
    )
    {%- elif type == 'int64' -%}
    coalesce(
        {{ whole }},
        {{ safe_cast_as(regex_extract(text, ga4_whole_number_pattern(name)), 'int64') }},
        {{ safe_cast_as('round(' ~ number ~ ')', 'int64') }}
    )
    {%- elif type == 'float64' -%}
    coalesce(
        {{ number_within(number) }},
        {{ number_within('cast(' ~ whole ~ ' as ' ~ float64() ~ ')') }},
        {{ number_from_text(text) }}
    )
    {%- elif type == 'why' -%}
    {{ ga4_why_unread(text, whole, number) }}
    {%- else -%}
    {%- do exceptions.raise_compiler_error(
        "A parameter cannot be of the type '" ~ type ~ "': it is string, int64 or float64."
    ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    A whole number in a text. The session id is also read out of the cookie that some websites hand
    on as it is: GS1.1.1790000001.5.1.…, GS2.1.s1790000001$o5$g1$…, or what follows the cookie's
    version; `$` may be percent-encoded.
#}
{% macro ga4_whole_number_pattern(name) %}
    {{ return(
        '^\\s*(?:[Gg][Ss][0-9]+[.][0-9]+[.])?[Ss]?([0-9]+)(?:(?:[.$]|%(?:25)*24).*)?$'
        if name == 'ga_session_id' else '^\\s*([+-]?[0-9]+)(?:[.]0*)?\\s*$'
    ) }}
{% endmacro %}
