{#
    An audience's rule is in the YAML of its model, `aud_<name>`, under config.meta.audience (see docs/actions-and-audiences.md).

    A rule is a tree of parts, numbered from 1 in the order in which one reads them. What people did is looked up once for all rules: each `did` is a condition, and
    `audience_evidence` holds what was counted for it. A rule is then a boolean over which of its conditions hold.
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


{# Every part of a rule in reading order: itself, then the parts inside it. Its number is its place, from 1. #}
{% macro audience_parts_of(rule) %}
    {% set found = [rule] %}
    {% for inner in audience_parts_inside(rule) %}{% do found.extend(audience_parts_of(inner)) %}{% endfor %}
    {{ return(found) }}
{% endmacro %}

{% macro audience_parts_inside(rule) %}
    {{ return(rule.get('any', rule.get('all', [rule['not']] if 'not' in rule else []))) }}
{% endmacro %}


{# Every `did` and `has` of a rule in reading order. #}
{% macro audience_conditions(rule) %}
    {% set found = [] %}
    {% for part in audience_parts_of(rule) if 'did' in part or 'has' in part %}{% do found.append(part) %}{% endfor %}
    {{ return(found) }}
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


{# All attributes of customers that rules ask for, in order of name. #}
{% macro audience_attributes() %}
    {% set names = [] %}
    {% for spec in audience_specs().values() %}
        {% for condition in audience_conditions(spec.rule) if 'has' in condition %}{% do names.append(condition.has) %}{% endfor %}
    {% endfor %}
    {{ return(names | unique | reject('equalto', 'person_id') | sort | list) }}
{% endmacro %}


{# Every `did` of all rules, numbered: {number, audience, part, rule, within, earlier}; earlier are those of the same audience that may count the same activity. #}
{% macro audience_dids() %}
    {% set dids = [] %}
    {% for name, spec in audience_specs().items() %}
        {% set own = [] %}
        {% for part in audience_parts_of(spec.rule) if 'did' in part %}
            {% set did = {'number': dids | length + 1, 'audience': name, 'rule': part, 'within': part.get('within', spec.get('within'))} %}
            {% set earlier = [] %}
            {% for other in own if other.rule.did == part.did and may_overlap(other.rule.get('where', {}), part.get('where', {})) %}
                {% do earlier.append(other) %}
            {% endfor %}
            {% do did.update({'earlier': earlier}) %}
            {% do own.append(did) %}
            {% do dids.append(did) %}
        {% endfor %}
        {% set numbers = [] %}
        {% for part in audience_parts_of(spec.rule) %}{% if 'did' in part %}{% do numbers.append(loop.index) %}{% endif %}{% endfor %}
        {% for did in own %}{% do did.update({'part': numbers[loop.index0]}) %}{% endfor %}
    {% endfor %}
    {{ return(dids) }}
{% endmacro %}


{# Whether one activity can be both: no column that both ask for has values that differ altogether. #}
{% macro may_overlap(one, other) %}
    {% set apart = [] %}
    {% for column in one if column in other %}
        {% set wanted = value_texts(other[column]) %}
        {% if not value_texts(one[column]) | select('in', wanted) | list %}{% do apart.append(column) %}{% endif %}
    {% endfor %}
    {{ return(not apart) }}
{% endmacro %}


{#
    The conditions of all rules for activities_that_meet: each `did`, and each `and_not` about the same kind of object, which ends it. An end before the window of its
    `did` ends nothing that the window holds, so the window is the end's too.
#}
{% macro audience_activity_conditions() %}
    {% set conditions = [] %}
    {% for did in audience_dids() %}
        {% do conditions.append({
            'number': conditions | length + 1,
            'action': did.rule.did,
            'where': did.rule.get('where'),
            'within': did.within,
            'facts': [did.number, false],
        }) %}
        {% if 'and_not' in did.rule %}
            {% set wanted = did.rule.get('where', {}).get('object_type') %}
            {% do conditions.append({
                'number': conditions | length + 1,
                'action': did.rule.and_not,
                'where': {'object_type': wanted} if wanted else none,
                'within': did.within,
                'facts': [did.number, true],
            }) %}
        {% endif %}
    {% endfor %}
    {{ return(conditions) }}
{% endmacro %}


{# Which conditions of a rule hold, of the evidence of all audiences: one row per audience and subject, with a column a part. #}
{% macro audience_met(evidence) -%}
    select
        audience,
        subject_id,
        min(person_id) as person_id,
        {%- for number in audience_did_numbers() %}
        {{ any_true('holds and part_number = ' ~ number) }} as met_{{ number }},
        {%- endfor %}
        cast(sum(counted_activities) as int64) as matched_activities,
        max(last_at) as last_matched_at
    from {{ evidence }}
    group by audience, subject_id
{%- endmacro %}


{# The numbers that parts with `did` have in any rule. #}
{% macro audience_did_numbers() %}
    {{ return(audience_dids() | map(attribute='part') | unique | sort | list) }}
{% endmacro %}


{#
    A part of a rule as a boolean: `met` has the columns of audience_met, `customers` those of customers, and either may lack the row. `number` is the part's.
    Gives (SQL, number of the next part).
#}
{% macro audience_boolean(rule, met, customers, number=1) %}
    {% if 'did' in rule %}{{ return(('coalesce(' ~ met ~ '.met_' ~ number ~ ', false)', number + 1)) }}{% endif %}
    {% if 'has' in rule %}{{ return(('coalesce(' ~ audience_has(rule, customers) ~ ', false)', number + 1)) }}{% endif %}
    {% set walked = namespace(next=number + 1) %}
    {% set parts = [] %}
    {% for inner in audience_parts_inside(rule) %}
        {% set found = audience_boolean(inner, met, customers, walked.next) %}
        {% do parts.append(found[0]) %}
        {% set walked.next = found[1] %}
    {% endfor %}
    {% if 'not' in rule %}{{ return(('not ' ~ parts[0], walked.next)) }}{% endif %}
    {{ return(('(' ~ parts | join(' or ' if 'any' in rule else ' and ') ~ ')', walked.next)) }}
{% endmacro %}


{# A condition on a column of `customers`. #}
{% macro audience_has(rule, customers) %}
    {% set column = customers ~ '.' ~ rule.has %}
    {% if 'is' in rule %}{{ return(equals_any(column, rule['is']) | trim) }}{% endif %}
    {% if 'at_least' in rule %}{{ return(column ~ ' >= ' ~ rule.at_least) }}{% endif %}
    {{ return(column ~ ' <= ' ~ rule.at_most) }}
{% endmacro %}


{#
    For whom a rule can hold: 'done', those of whom something was counted; 'customers', also those of whom nothing was, if their attributes are so; 'everyone', also
    all others.
#}
{% macro audience_reach(rule) %}
    {% if audience_can_be(rule, true, false) %}{{ return('everyone') }}{% endif %}
    {{ return('customers' if audience_can_be(rule, true, true) else 'done') }}
{% endmacro %}

{# Can a rule be true (or false) where nothing was done, with attributes or without? #}
{% macro audience_can_be(rule, truth, has_attributes) %}
    {% if 'did' in rule %}{{ return(not truth) }}{% endif %}
    {% if 'has' in rule %}{{ return(has_attributes or not truth) }}{% endif %}
    {% if 'not' in rule %}{{ return(audience_can_be(rule['not'], not truth, has_attributes)) }}{% endif %}
    {% set can = [] %}
    {% set inner = rule.get('any', rule.get('all')) %}
    {% for part in inner if audience_can_be(part, truth, has_attributes) %}{% do can.append(part) %}{% endfor %}
    {{ return(can | length > 0 if ('any' in rule) == truth else can | length == inner | length) }}
{% endmacro %}


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
