{#
    An audience's rule is in the YAML of its model, `aud_<name>`, under config.meta.audience (see docs/actions-and-audiences.md). All rules are evaluated together, in one
    pass over `activities`: every condition becomes one aggregated column a subject, and every rule a boolean over those columns.
#}

{# name → rule, for every aud_ model, in order of name. #}
{% macro audience_specs() %}
    {% set specs = {} %}
    {% if execute %}
        {% for node in graph.nodes.values() | sort(attribute='name') %}
            {% if node.resource_type == 'model' and node.name.startswith('aud_') and node.config.meta.get('audience') %}
                {% do specs.update({node.name[4:]: node.config.meta.audience}) %}
                {% for condition in audience_conditions(node.config.meta.audience.rule) if 'did' in condition %}
                    {% do require_actions(node.name, [condition.did, condition.get('and_not')]) %}
                {% endfor %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {{ return(specs) }}
{% endmacro %}


{# What the audiences need a permission for: {audience, purpose, channel, is_first_purpose} in the order of the rules. `consent` is one purpose or a list of them. #}
{% macro audience_consents(specs) %}
    {% set found = [] %}
    {% for name, spec in specs.items() %}
        {% for consent in ([spec.consent] if spec.consent is mapping else spec.consent) %}
            {% set is_first = loop.first %}
            {% for channel in consent.channels %}
                {% do found.append({'audience': name, 'purpose': consent.purpose, 'channel': channel, 'is_first_purpose': is_first}) %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# Every `did` and `has` of a rule in reading order, as a flat list. #}
{% macro audience_conditions(rule) %}
    {% if 'any' in rule or 'all' in rule %}
        {% set found = [] %}
        {% for part in rule.get('any', rule.get('all')) %}{% do found.extend(audience_conditions(part)) %}{% endfor %}
        {{ return(found) }}
    {% elif 'not' in rule %}
        {{ return(audience_conditions(rule['not'])) }}
    {% endif %}
    {{ return([rule]) }}
{% endmacro %}


{# The attributes of customers that some audience compares with a value, in order of name. #}
{% macro attributes_in_rules() %}
    {% set names = [] %}
    {% for spec in audience_specs().values() %}
        {% for condition in audience_conditions(spec.rule) if 'has' in condition and 'is' in condition %}
            {% do names.append(condition.has) %}
        {% endfor %}
    {% endfor %}
    {{ return(names | unique | sort | list) }}
{% endmacro %}


{# Is an activity one that this condition counts? #}
{% macro audience_did(condition, within) -%}
    (
        action = {{ text_literal(condition.did) }}
        {%- for column, wanted in condition.get('where', {}).items() %} and {{ equals_any(column, wanted) }}{% endfor %}
        and occurred_at > {{ before_as_of(condition.get('within', within)) }}
    )
{%- endmacro %}


{# Does an activity cancel this condition: the `and_not` action about the same kind of object? #}
{% macro audience_cancels(condition) -%}
    (
        action = {{ text_literal(condition.and_not) }}
        {%- set wanted = condition.get('where', {}).get('object_type') -%}
        {%- if wanted %} and {{ equals_any('object_type', wanted) }}{% endif -%}
    )
{%- endmacro %}


{# A rule as a boolean over the aggregated columns; `prefix` and `numbering` tell which column is whose. #}
{% macro audience_boolean(rule, prefix, numbering) -%}
    {%- if 'any' in rule or 'all' in rule -%}
        {%- set parts = [] -%}
        {%- for part in rule.get('any', rule.get('all')) -%}
            {%- do parts.append(audience_boolean(part, prefix, numbering)) -%}
        {%- endfor -%}
        ({{ parts | join(' or ' if 'any' in rule else ' and ') }})
    {%- elif 'not' in rule -%}
        not {{ audience_boolean(rule['not'], prefix, numbering) }}
    {%- else -%}
        {%- set column = prefix ~ numbering | length -%}
        {%- do numbering.append(1) -%}
        {%- if 'has' in rule -%}
            coalesce({{ audience_has(rule) }}, false)
        {%- elif 'and_not' in rule -%}
            coalesce(
                {{ column }}_at <= {{ before_as_of(rule.wait) }}
                and ({{ column }}_cancelled_at is null or {{ column }}_cancelled_at < {{ column }}_at),
                false
            )
        {%- else -%}
            {{ column }}_count >= {{ rule.get('at_least', 1) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{# A condition on a column of `customers`. #}
{% macro audience_has(rule) -%}
    {%- if 'is' in rule -%} {{ equals_any('customers.' ~ rule.has, rule['is']) }}
    {%- elif 'at_least' in rule -%} customers.{{ rule.has }} >= {{ rule.at_least }}
    {%- else -%} customers.{{ rule.has }} <= {{ rule.at_most }}
    {%- endif -%}
{%- endmacro %}


{# '30 days', '1 hour', '90 minutes' before the run's clock. #}
{% macro before_as_of(duration) -%}
    {%- set amount, unit = duration.split(' ') -%}
    {{ timestamp_plus(as_of(), '-' ~ amount, unit.rstrip('s')) }}
{%- endmacro %}


{# The body of an aud_ model. #}
{% macro audience() -%}
    select
        audience,
        person_id,
        matched_activities,
        last_matched_at,
        is_contactable,
        contact_reason,
        rule_version
    from {{ ref('audience_members') }}
    where audience = '{{ model.name[4:] }}'
{%- endmacro %}
