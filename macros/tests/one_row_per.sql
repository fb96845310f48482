{#
    All tests that one scan of a table can make, as one node. It has one row per `columns` (nulls
    are a value here). A column of `not_null` has no null. A column of `one_of` has a value of its
    list or none. Each condition of `holds` holds for every row; null does not hold.

    A failing row is a key, the number of its rows, and what is `broken` in some of them.
#}
{% test one_row_per(model, columns, not_null=[], one_of={}, holds=[]) %}
    {%- set rules = [] %}
    {%- for column in not_null %}
        {% do rules.append((column ~ ' is null', column ~ ' is null')) %}
    {% endfor %}
    {%- for column, values in one_of.items() %}
        {%- set listed = [] %}
        {%- for value in values %}
            {% do listed.append(madang.text_literal(value) if value is string else value) %}
        {% endfor %}
        {%- do rules.append((
            column ~ ' not in (' ~ listed | join(', ') ~ ')',
            column ~ ' is none of: ' ~ values | join(', ')
        )) %}
    {%- endfor %}
    {%- for condition in holds %}
        {% do rules.append(
            ('not coalesce(' ~ condition ~ ', false)', 'does not hold: ' ~ condition)
        ) %}
    {% endfor %}
    {%- if not rules %}
    select {{ columns | join(', ') }}, count(*) as rows_found
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
    {%- else %}
    select
        *,
        rtrim(concat(
            {%- for _, told in rules %}
            if(
                (broken_rules & {{ 2 ** loop.index0 }}) > 0,
                {{ madang.text_literal(told ~ '; ') }},
                ''
            ){{ ',' if not loop.last }}
            {%- endfor %}
        ), '; ') as broken
    from (
        select
            {{ columns | join(', ') }},
            count(*) as rows_found,
            bit_or(
                {%- for broken, _ in rules %}
                {{ '+ ' if not loop.first }}if({{ broken }}, {{ 2 ** loop.index0 }}, 0)
                {%- endfor %}
            ) as broken_rules
        from {{ model }}
        group by {{ columns | join(', ') }}
    ) as keys
    where rows_found > 1 or broken_rules > 0
    {%- endif %}
{% endtest %}


{# A condition that holds for every row; a condition that is null does not hold. #}
{% test holds(model, condition, column_name=none) %}
    select *
    from {{ model }}
    where not coalesce({{ condition }}, false)
{% endtest %}
