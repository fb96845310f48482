{#
    The newest state of each loaded record, by Salesforce's own moment of change. Each of the
    `boxes` also has <box>_at: the change that last ticked it. A later change of another field does
    not renew it. A state without the column says nothing of it.
#}
{% macro salesforce_newest(relation, boxes=[]) -%}
    {%- set key = salesforce_id('id') -%}
    {%- set changed_at = 'coalesce(' ~ timestamp_from_text('modified_at') ~ ', _loaded_at)' -%}
    with states as (

        select
            *
            {%- for box in boxes %},
            last_value({{ box }} ignore nulls) over (
                partition by {{ key }}
                order by {{ changed_at }}, _loaded_at, _sha256 desc, _row
                rows between unbounded preceding and 1 preceding
            ) as {{ box }}_before
            {%- endfor %}
        from {{ relation }}
        where id is not null and {{ known_by_then() }}

    )

    select
        *
        {%- for box in boxes %},
        max(case
            when {{ box }} = 'true' and coalesce({{ box }}_before, 'false') <> 'true'
                then {{ changed_at }}
        end)
            over (partition by {{ key }}) as {{ box }}_at
        {%- endfor %}
    from states
    qualify
        row_number() over (
            partition by {{ key }}
            order by {{ changed_at }} desc, _loaded_at desc, _sha256, _row desc
        ) = 1
{%- endmacro %}


{#
    A Salesforce id of 18 characters. Reports give the first 15, which differ by case alone. The
    last three say which of them are capitals, five at a time. So ids can be compared where case is
    lost.
#}
{% macro salesforce_id(expression) -%}
    case
        when length({{ expression }}) = 15 then
            concat(
                {{ expression }}
                {%- for chunk in range(3) %},
                substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ012345', 1
                    {%- for place in range(5) %}
                    + case
                        when substr(
                            {{ expression }}, {{ 5 * chunk + place + 1 }}, 1
                        ) between 'A' and 'Z'
                            then {{ 2 ** place }}
                        else 0
                    end
                    {%- endfor %}, 1)
                {%- endfor %}
            )
        else {{ expression }}
    end
{%- endmacro %}
