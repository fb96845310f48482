{#
    The activities that meet one of many conditions: one row per activity and condition that it
    meets, as a query that stands alone. `activities` is the stream, or has its columns. `columns`
    are those of the result, beside the condition's number and its `facts`. Activities without a
    subject meet no condition.

    A condition is {number, action, where, within, facts}. `where` and `within` are as in the YAML
    of a rule. `facts` is a list of literals, in the order of the macro's argument.

    The conditions are rows. They are joined by action and by one column that they ask a value of
    (the lead), so the work grows with the matches. Other columns are looked at on these rows alone.
    What no condition can meet is left out before.
#}
{% macro activities_that_meet(activities, conditions, columns, facts={}) -%}
    {%- set leads, rows, remaining = condition_rows(conditions) -%}
    {%- set has_window = conditions | selectattr('within') | list | length > 0 -%}
    {%- set lead_columns = leads | map(attribute='column') | reject('equalto', '') | unique | sort
        | list -%}
    {%- set lead_rows, rule_rows = [], [] -%}
    {%- for lead in leads -%}
        {%- do lead_rows.append(
            [loop.index, text_literal(lead.action), text_literal(lead.column)]
        ) -%}
    {%- endfor -%}
    {%- for row in rows -%}
        {%- set condition = row.condition -%}
        {%- set since = before_as_of(condition.within) if condition.within else 'null' -%}
        {%- do rule_rows.append(
            [row.lead, text_literal(row.value), condition.number]
            + ([since] if has_window else [])
            + condition.get('facts', [])
        ) -%}
    {%- endfor -%}
    {%- set rule_columns = {
        'lead_number': 'int64', 'lead_value': 'string', 'condition_number': 'int64'
    } -%}
    {%- if has_window %}{% do rule_columns.update({'since': 'timestamp'}) %}{% endif -%}
    {%- do rule_columns.update(facts) -%}
    select
        {%- for column in columns %}
        keyed.{{ column }},
        {%- endfor %}
        {%- for fact in facts %}
        rules.{{ fact }},
        {%- endfor %}
        rules.condition_number
    from (
        select
            activities.*,
            leads.lead_number,
            {%- if lead_columns %}
            case leads.lead_column
                {%- for column in lead_columns %}
                when {{ text_literal(column) }} then cast(activities.{{ column }} as string)
                {%- endfor %}
                else ''
            end as lead_value
            {%- else %}
            '' as lead_value
            {%- endif %}
        from {{ activities }} as activities
        inner join (
            {{ rows_of(
                {'lead_number': 'int64', 'action': 'string', 'lead_column': 'string'}, lead_rows
            ) }}
        ) as leads
            on activities.action = leads.action
        where
            activities.subject_id is not null
            and {{ can_meet(conditions) }}
    ) as keyed
    inner join (
        {{ rows_of(rule_columns, rule_rows) }}
    ) as rules
        on keyed.lead_number = rules.lead_number
        and keyed.lead_value = rules.lead_value
        {%- if has_window %}
        and (rules.since is null or keyed.occurred_at > rules.since)
        {%- endif %}
    {%- if remaining %}
    where
        case rules.condition_number
            {%- for number, wanted in remaining.items() %}
            when {{ number }} then {{ columns_equal('keyed', wanted) }}
            {%- endfor %}
            else true
        end
    {%- endif %}
{%- endmacro %}


{#
    Conditions as (leads, rows, remaining): which action and column lead to a condition, the values
    that do, and what is then still to be looked at, by number.
#}
{% macro condition_rows(conditions) %}
    {% set leads, rows, remaining = [], [], {} %}
    {% for condition in conditions %}
        {% set where, valued = condition.get('where') or {}, [] %}
        {% for name, wanted in where.items() if wanted is not mapping %}
            {% do valued.append(name) %}
        {% endfor %}
        {% set column = (
            ['object_id', 'object_name', 'campaign', 'object_type', 'channel_group', 'source']
            | select('in', valued) | list + ['']
        )[0] %}
        {% set lead = {'action': condition.action, 'column': column} %}
        {% if lead not in leads %}{% do leads.append(lead) %}{% endif %}
        {% for value in (value_texts(where[column]) if column else ['']) %}
            {% do rows.append(
                {'lead': leads.index(lead) + 1, 'value': value, 'condition': condition}
            ) %}
        {% endfor %}
        {% set others = {} %}
        {% for name, wanted in where.items() if name != column %}
            {% do others.update({name: wanted}) %}
        {% endfor %}
        {% if others %}{% do remaining.update({condition.number: others}) %}{% endif %}
    {% endfor %}
    {{ return((leads, rows, remaining)) }}
{% endmacro %}


{# What an activity must be to meet any of the conditions. #}
{% macro can_meet(conditions) -%}
    {%- if not conditions %}{{ return('false') }}{% endif -%}
    activities.action in ({{ text_literals(conditions | map(attribute='action') | unique | sort) }})
    {%- if conditions | selectattr('within') | list | length == conditions | length %}
            and activities.occurred_at
                > {{ before_as_of(longest_duration(conditions | map(attribute='within'))) }}
    {%- endif -%}
{%- endmacro %}


{# Does an activity meet a condition? The same as above, for one activity and one condition. #}
{% macro meets_condition(relation, condition) -%}
    {{ relation }}.action = {{ text_literal(condition.action) }}
    {%- if condition.get('where') %} and {{ columns_equal(relation, condition.where) }}{% endif -%}
    {%- if condition.get('within') %}
    and {{ relation }}.occurred_at > {{ before_as_of(condition.within) }}
    {% endif -%}
{%- endmacro %}


{#
    A column is a value or one of a list, or passes tests as those of an action: {prefix:
    'https://'}, {at_least: 100}.
#}
{% macro columns_equal(relation, where) -%}
    {%- for column, wanted in where.items() -%}
        {%- if wanted is mapping -%}
        {{ field_matches(
            {
                'column': relation ~ '.' ~ column,
                'type': 'float64' if column == 'value' else 'string'
            },
            wanted
        ) }}
        {%- else -%}
        {{ equals_any(relation ~ '.' ~ column, wanted) }}
        {%- endif -%}
        {{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
