{# The columns of the stream that audience_evidence needs: also those by which an activity would count for an earlier condition of the same audience. #}
{% macro audience_evidence_columns() %}
    {% set columns = ['subject_id', 'person_id', 'occurred_at'] %}
    {% for did in audience_dids() %}
        {% for earlier in did.earlier %}{% do columns.extend(['action'] + (earlier.rule.get('where') or {}).keys() | list) %}{% endfor %}
    {% endfor %}
    {{ return(columns | unique | list) }}
{% endmacro %}


{# Is a matched activity one that no earlier condition of the same audience counts? #}
{% macro is_counted_first(matched) -%}
    {%- set cases = [] -%}
    {%- for did in audience_dids() if did.earlier -%}
        {%- set others = [] -%}
        {%- for earlier in did.earlier -%}
            {%- set condition = {'action': earlier.rule.did, 'where': earlier.rule.get('where'), 'within': earlier.within} -%}
            {%- do others.append('coalesce(' ~ meets_condition(matched, condition) ~ ', false)') -%}
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


{# One row a `did` of any rule: how often it is needed; or until when its last one must have been, so that enough time to finish is over. #}
{% macro audience_condition_rows() -%}
    {%- set rows = [] -%}
    {%- for did in audience_dids() -%}
        {%- do rows.append([
            did.number,
            text_literal(did.audience),
            did.part,
            text_literal(did.rule.did),
            did.rule.get('at_least', 1),
            before_as_of(did.rule.wait) if 'and_not' in did.rule else 'null',
        ]) -%}
    {%- endfor -%}
    {{ rows_of(
        {'did_number': 'int64', 'audience': 'string', 'part_number': 'int64', 'action': 'string', 'needed': 'int64', 'waits_until': 'timestamp'},
        rows,
    ) }}
{%- endmacro %}


{# One row an audience: the version of its rule, and for whom the rule can hold of whom nothing was counted. #}
{% macro audience_rows() -%}
    {%- set rows = [] -%}
    {%- for name, spec in audience_specs().items() -%}
        {%- set reach = audience_reach(spec.rule) -%}
        {%- do rows.append([
            text_literal(name), text_literal(local_md5(tojson(spec))[:12]), reach != 'done', reach == 'everyone'
        ]) -%}
    {%- endfor -%}
    {{ rows_of({'audience': 'string', 'rule_version': 'string', 'reaches_customers': 'bool', 'reaches_everyone': 'bool'}, rows) }}
{%- endmacro %}


{# One row an audience and part of its rule: how deep it lies, its kind, and of a condition what it says, as JSON. #}
{% macro audience_part_rows() -%}
    {%- set rows = [] -%}
    {%- for name, spec in audience_specs().items() -%}
        {%- for part in audience_parts_of(spec.rule) -%}
            {%- set kind = (['any', 'all', 'not', 'did', 'has'] | select('in', part) | list)[0] -%}
            {%- set condition = {} -%}
            {%- do condition.update(part) -%}
            {%- if kind == 'did' and spec.get('within') %}{% do condition.setdefault('within', spec.within) %}{% endif -%}
            {%- do rows.append([
                text_literal(name),
                loop.index,
                audience_depths(spec.rule)[loop.index0],
                text_literal(kind),
                text_literal(tojson(condition)) if kind in ['did', 'has'] else 'null',
            ]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ rows_of(
        {'audience': 'string', 'part_number': 'int64', 'depth': 'int64', 'kind': 'string', 'condition': 'string'}, rows
    ) }}
{%- endmacro %}


{# How deep each part of a rule lies, in reading order. #}
{% macro audience_depths(rule, depth=0) %}
    {% set depths = [depth] %}
    {% for inner in audience_parts_inside(rule) %}{% do depths.extend(audience_depths(inner, depth + 1)) %}{% endfor %}
    {{ return(depths) }}
{% endmacro %}
