{# The newest state of each record that was loaded, by Salesforce's own moment of change. #}
{% macro salesforce_newest(relation) -%}
    select *
    from {{ relation }}
    where id is not null and {{ known_by_then() }}
    qualify row_number() over (
        partition by {{ salesforce_id('id') }}
        order by
            coalesce({{ timestamp_from_text('modified_at') }}, _loaded_at) desc,
            _loaded_at desc,
            _sha256,
            _row desc
    ) = 1
{%- endmacro %}


{#
    A Salesforce id of 18 characters. Reports give the first 15, which differ by case alone; the last three say which of them are capitals, five at a time,
    so that ids can be compared where case is lost.
#}
{% macro salesforce_id(expression) -%}
    case
        when length({{ expression }}) = 15 then
            concat(
                {{ expression }}
                {%- for chunk in range(3) %},
                substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ012345', 1
                    {%- for place in range(5) %}
                    + case when substr({{ expression }}, {{ 5 * chunk + place + 1 }}, 1) between 'A' and 'Z' then {{ 2 ** place }} else 0 end
                    {%- endfor %}, 1)
                {%- endfor %}
            )
        else {{ expression }}
    end
{%- endmacro %}
