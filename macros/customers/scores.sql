{#
    A score of 1 to 5 by a value's rank among all. Half of the equal values count as below it, so
    equal values always have equal scores. A single value scores 3.
#}
{% macro fifth_of(column) -%}
    cast(floor(
            5 * (
                count(*) over ()
                + rank() over (order by {{ column }})
                - rank() over (order by {{ column }} desc)
            ) / (2 * count(*) over ())
        ) as int64) + 1
{%- endmacro %}


{#
    The relation that `has` reads: customers,
    with the columns of customer_profiles that some rule asks for.
#}
{% macro customers_with_profiles() %}
    {%- if not execute %}{% do ref('customer_profiles') %}{% endif -%}
    {%- set known, further = [], [] -%}
    {%- for node in graph.get('nodes', {}).values()
        if node.resource_type == 'model' and node.name == 'customer_profiles' -%}
        {%- do known.extend(node.columns.keys()) -%}
    {%- endfor -%}
    {%- for name in (audience_attributes() if known else []) if name in known %}
        {% do further.append('profiles.' ~ name) %}
    {% endfor -%}
    {%- if not further -%}{{ return(ref('customers')) }}{%- endif -%}
    {{ return(
        '(select customers.*, ' ~ further | join(', ') ~ ' from ' ~ ref('customers')
        ~ ' as customers left join ' ~ ref('customer_profiles')
        ~ ' as profiles on customers.person_id = profiles.person_id)'
    ) }}
{% endmacro %}
