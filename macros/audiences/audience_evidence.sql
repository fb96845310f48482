{#
    The columns of the stream that audience_evidence needs:
    also those by which an activity would count for an earlier condition of the same audience.
#}
{% macro audience_evidence_columns(dids) %}
    {% set columns = ['subject_id', 'person_id', 'occurred_at'] %}
    {% for did in dids %}
        {% for earlier in did.earlier %}
            {% do columns.extend(['action'] + (earlier.counted.get('where') or {}).keys() | list) %}
        {% endfor %}
        {% if did_tests(did.rule) or 'total' in did.rule %}
            {% do columns.extend(['value', 'currency']) %}
        {% endif %}
        {% if 'then' in did.rule %}{% do columns.append('activity_order') %}{% endif %}
        {% if did.scope %}
            {% do columns.append('session_key' if did.scope == 'session' else 'activity_id') %}
        {% endif %}
    {% endfor %}
    {{ return(columns | unique | list) }}
{% endmacro %}


{# Is a matched activity one that no earlier condition of the same audience counts? #}
{% macro is_counted_first(matched, dids) -%}
    {%- set cases = [] -%}
    {%- for did in dids if did.earlier -%}
        {%- set others = [] -%}
        {%- for earlier in did.earlier -%}
            {%- set condition = {
                'action': earlier.counted.did,
                'where': earlier.counted.get('where'),
                'within': earlier.within
            } -%}
            {%- set tests = [meets_condition(matched, condition)]
                + did_tests(earlier.rule, matched) -%}
            {%- if earlier.scope == 'session' %}
                {% do tests.append(matched ~ '.session_key is not null') %}
            {% endif -%}
            {%- do others.append('coalesce(' ~ tests | join(' and ') ~ ', false)') -%}
        {%- endfor -%}
        {%- do cases.append('when ' ~ did.number ~ ' then not (' ~ others | join(' or ') ~ ')') -%}
    {%- endfor -%}
    {%- if cases -%}
            case {{ matched }}.did_number
                {{ cases | join('\n                ') }}
                else true
            end
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}


{#
    One row a `did` of any rule: how often it is needed; or until when its last one must have been,
    so that enough time to finish is over. Beside them what `audience_limits` names: the most, the
    moment after which the first must lie, the least total.
#}
{% macro audience_condition_rows(dids) -%}
    {%- set rows, limits = [], audience_limits(dids) -%}
    {%- for did in dids -%}
        {%- set row = [
            did.number,
            text_literal(did.audience),
            did.part,
            text_literal(did.counted.did),
            did.rule.get('at_least', 0 if 'at_most' in did.rule else 1),
            before_as_of(did.rule.wait) if 'and_not' in did.rule else 'null',
        ] -%}
        {%- for limit in limits -%}
            {%- set said = {
                'most': did.rule.get('at_most', 'null'),
                'first_after': before_as_of(did.first_within) if did.first_within else 'null',
                'least_total': did.rule.get('total', {}).get('at_least', 'null'),
            } -%}
            {%- do row.append(said[limit]) -%}
        {%- endfor -%}
        {%- do rows.append(row) -%}
    {%- endfor -%}
    {%- set columns = {
        'did_number': 'int64', 'audience': 'string', 'part_number': 'int64', 'action': 'string',
        'needed': 'int64', 'waits_until': 'timestamp'
    } -%}
    {%- for limit in limits %}{% do columns.update({limit: limit_types()[limit]}) %}{% endfor -%}
    {{ rows_of(columns, rows) }}
{%- endmacro %}


{% macro limit_types() %}
    {{ return({'most': 'int64', 'first_after': 'timestamp', 'least_total': float64()}) }}
{% endmacro %}


{# Which limits some `did` has beside `at_least`. #}
{% macro audience_limits(dids) %}
    {% set found = [] %}
    {% for did in dids %}
        {% if 'at_most' in did.rule %}{% do found.append('most') %}{% endif %}
        {% if did.first_within %}{% do found.append('first_after') %}{% endif %}
        {% if 'total' in did.rule %}{% do found.append('least_total') %}{% endif %}
    {% endfor %}
    {{ return(limit_types().keys() | select('in', found) | list) }}
{% endmacro %}


{# Whether what was counted of a subject is enough and not too much. #}
{% macro counted_enough(dids) -%}
    {%- set tests = {
        'most': '(conditions.most is null or totals.activities <= conditions.most)',
        'first_after': '(conditions.first_after is null or totals.first_at > '
            ~ 'conditions.first_after)',
        'least_total': '(conditions.least_total is null or totals.total >= conditions.least_total)',
    } -%}
    totals.activities >= conditions.needed
    {%- for limit in audience_limits(dids) %} and {{ tests[limit] }}{% endfor -%}
{%- endmacro %}


{#
    What a `did` asks of one activity beside its action, objects and window:
    its amount and day, as booleans. Amounts are compared in one currency.
#}
{% macro did_tests(rule, relation='matched') %}
    {% set tests = [] %}
    {% for test, sign in {
        'at_least': '>=', 'at_most': '<=', 'more_than': '>', 'less_than': '<'
    }.items() if test in rule.get('value', {}) %}
        {% do tests.append(relation ~ '.value ' ~ sign ~ ' ' ~ rule.value[test]) %}
    {% endfor %}
    {% if 'value' in rule or 'total' in rule %}
        {% set currency = text_literal(rule.currency)
            if 'currency' in rule else reporting_currency() %}
        {% do tests.append('upper(' ~ relation ~ '.currency) = ' ~ currency) %}
    {% endif %}
    {% for key, sign in {'from': '>=', 'until': '<='}.items() if key in rule %}
        {% do tests.append(
            (local_date(relation ~ '.occurred_at') | trim) ~ ' ' ~ sign ~ " date '" ~ rule[key]
            ~ "'"
        ) %}
    {% endfor %}
    {{ return(tests) }}
{% endmacro %}


{#
    Which of the matched activities count, where some `did` asks for amounts or days.
    None where none does.
#}
{% macro audience_narrowing(matched, dids) %}
    {% set cases = [] %}
    {% for did in dids if did_tests(did.rule) %}
        {% do cases.append(
            'when ' ~ did.number ~ ' then ' ~ matched ~ '.is_end or ('
            ~ did_tests(did.rule, matched) | join(' and ') ~ ')'
        ) %}
    {% endfor %}
    {% if not cases %}{{ return(none) }}{% endif %}
    {{ return(
        'case ' ~ matched ~ '.did_number\n            ' ~ cases | join('\n            ')
        ~ '\n            else true\n        end'
    ) }}
{% endmacro %}


{# The `did` conditions that are sequences. #}
{% macro audience_sequences(dids) %}
    {% set found = [] %}
    {% for did in dids if 'then' in did.rule %}{% do found.append(did) %}{% endfor %}
    {{ return(found) }}
{% endmacro %}


{# The facts of audience_activity_conditions. #}
{% macro audience_activity_facts(dids) %}
    {% set facts = {'did_number': 'int64', 'is_end': 'bool'} %}
    {% if audience_sequences(dids) %}
        {% do facts.update({'step_number': 'int64', 'steps': 'int64', 'gap_micros': 'int64'}) %}
    {% endif %}
    {% if dids | selectattr('scope') | list %}{% do facts.update({'scope': 'string'}) %}{% endif %}
    {{ return(facts) }}
{% endmacro %}


{#
    Matched activities in which each sequence is its last steps alone, those that the steps before
    them lead to. As in funnels, one window a step: of the activities that can be the step before,
    the last that was led to itself is the closest. With a scope all are in one session. Of one
    moment later steps come first, so that no activity follows itself.
#}
{% macro sequences_followed(matched, dids) -%}
    {%- set scope_key = ['scope_key'] if dids | selectattr('scope') | list else [] -%}
    {%- set lengths, columns = [1],
        ['did_number', 'is_end'] + scope_key + audience_evidence_columns(dids) -%}
    {%- for did in audience_sequences(dids) %}
        {% do lengths.append(did.rule.then | length + 1) %}
    {% endfor -%}
    with
    {%- for k in range(2, lengths | max + 1) %}
    step_{{ k }} as (

        select *
        from (
            select
                *,
                last_value(case
                    when step_number = {{ k - 1 }} then {{ micros_of('occurred_at') }}
                end ignore nulls) over (
                    partition by {{ (['did_number', 'subject_id'] + scope_key) | join(', ') }}
                    order by activity_order, step_number desc
                    rows between unbounded preceding and 1 preceding
                ) as back_{{ k }}
            from {{ matched if k == 2 else 'step_' ~ (k - 1) }}
            where steps > 1
        ) as looked_back
        where
            step_number > {{ k }}
            or (
                step_number = {{ k }}
                and back_{{ k }} is not null
                and (
                    gap_micros is null
                    or {{ micros_of('occurred_at') }} - back_{{ k }} <= gap_micros
                )
            )

    ){{ ',' if not loop.last }}
    {%- endfor %}

    select {{ columns | join(', ') }}
    from {{ matched }}
    where steps = 1
    {%- for k in range(2, lengths | max + 1) %}

    union all

    select {{ columns | join(', ') }}
    from step_{{ k }}
    where step_number = {{ k }} and steps = {{ k }}
    {%- endfor %}
{%- endmacro %}


{# The version of an audience's rule: another one whenever anything in its YAML changes. #}
{% macro audience_rule_version(spec) %}{{ return(local_md5(tojson(spec))[:12]) }}{% endmacro %}


{#
    One row an audience: the version of its rule,
    and for whom the rule can hold of whom nothing was counted.
#}
{% macro audience_rows() -%}
    {%- set rows = [] -%}
    {%- for name, spec in audience_specs().items() -%}
        {%- set reach = audience_reach(spec.rule) -%}
        {%- do rows.append([
            text_literal(name),
            text_literal(audience_rule_version(spec)),
            reach != 'done',
            reach == 'everyone'
        ]) -%}
    {%- endfor -%}
    {{ rows_of(
        {
            'audience': 'string', 'rule_version': 'string',
            'reaches_customers': 'bool', 'reaches_everyone': 'bool'
        },
        rows
    ) }}
{%- endmacro %}


{#
    One row an audience and part of its rule:
    how deep it lies, its kind, and of a condition what it says, as JSON.
#}
{% macro audience_part_rows() -%}
    {%- set rows = [] -%}
    {%- for name, spec in audience_specs().items() -%}
        {%- for part in audience_parts_of(spec.rule) -%}
            {%- set kind = (
                [
                    'any', 'all', 'not', 'did', 'has', 'funnel',
                    'in_stage', 'score', 'in_audience', 'sample'
                ] | select('in', part) | list
            )[0] -%}
            {%- set condition = {} -%}
            {%- for key, said in part.items() if key != 'in_scope' %}
                {% do condition.update({key: said}) %}
            {% endfor -%}
            {%- if 'in_scope' in part %}
                {% do condition.update({'scope': part.in_scope}) %}
            {% endif -%}
            {%- if kind == 'did' and spec.get('within') %}
                {% do condition.setdefault('within', spec.within) %}
            {% endif -%}
            {%- do rows.append([
                text_literal(name),
                loop.index,
                audience_depths(spec.rule)[loop.index0],
                text_literal(kind),
                text_literal(
                    tojson({'scope': part.scope} if kind in ['any', 'all', 'not'] else condition)
                )
                    if kind not in ['any', 'all', 'not'] or scope_of(part) else 'null',
            ]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ rows_of(
        {
            'audience': 'string', 'part_number': 'int64',
            'depth': 'int64', 'kind': 'string', 'condition': 'string'
        },
        rows
    ) }}
{%- endmacro %}


{# How deep each part of a rule lies, in reading order. #}
{% macro audience_depths(rule, depth=0) %}
    {% set depths = [depth] %}
    {% for inner in audience_parts_inside(rule) %}
        {% do depths.extend(audience_depths(inner, depth + 1)) %}
    {% endfor %}
    {{ return(depths) }}
{% endmacro %}
