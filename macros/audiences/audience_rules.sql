{#
    An audience's rule is in the YAML of its model, `aud_<name>`, under config.meta.audience (see
    docs/actions-and-audiences.md).

    A rule is a tree of parts, numbered from 1 in the order in which one reads them. What people did
    is looked up once for all rules: each `did` is a condition, and `audience_evidence` holds what
    was counted for it. A rule is then a boolean over which of its conditions hold.
#}

{# name → rule, for every aud_ model, in order of name. #}
{% macro audience_specs() %}
    {% set specs = {} %}
    {% if execute %}
        {% for node in models_that_say('audience') if node.name.startswith('aud_') %}
            {% set names = [] %}
            {% for condition in audience_conditions(node.config.meta.audience.rule)
                if 'did' in condition %}
                {% do names.extend(
                    [condition.did, condition.get('and_not')] + condition.get('then', [])
                    | map(attribute='did') | list
                ) %}
            {% endfor %}
            {% do require_actions(node.name, names) %}
            {% do specs.update({node.name[4:]: node.config.meta.audience}) %}
        {% endfor %}
        {% set specs = audiences_by_priority(specs) %}
    {% endif %}
    {{ return(specs) }}
{% endmacro %}


{#
    What the audiences need a permission for: {audience, purpose, channel,
    is_first_purpose} in the order of the rules. `consent` is one purpose or a list of them.
#}
{% macro audience_consents(specs) %}
    {% set found = [] %}
    {% for name, spec in specs.items() %}
        {% for consent in ([spec.consent] if spec.consent is mapping else spec.consent) %}
            {% set is_first = loop.first %}
            {% for channel in consent.channels %}
                {% do found.append({
                    'audience': name, 'purpose': consent.purpose,
                    'channel': channel, 'is_first_purpose': is_first
                }) %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    Every part of a rule in reading order: itself, then the parts inside it.
    Its number is its place, from 1. Parts inside one with a scope have it as `in_scope`.
#}
{% macro audience_parts_of(rule, in_scope=none) %}
    {% set found = [dict(rule, in_scope=in_scope) if in_scope else rule] %}
    {% for inner in audience_parts_inside(rule) %}
        {% do found.extend(audience_parts_of(inner, in_scope or scope_of(rule))) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}

{% macro audience_parts_inside(rule) %}
    {{ return(rule.get('any', rule.get('all', [rule['not']] if 'not' in rule else []))) }}
{% endmacro %}


{# Every condition of a rule in reading order: its parts that hold no other parts. #}
{% macro audience_conditions(rule) %}
    {% set found = [] %}
    {% for part in audience_parts_of(rule) if not audience_parts_inside(part) %}
        {% do found.append(part) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    Is a part one that audience_evidence holds rows of? All conditions are but values and amounts of
    attributes, which are columns of customers, membership of other audiences and samples. Other
    parts are where one session or event must meet them.
#}
{% macro is_evidence(part) %}
    {{ return(
        'did' in part or is_state(part) or scope_of(part) is not none or 'in_scope' in part
    ) }}
{% endmacro %}


{# Is a condition one on what people are, of which audience_evidence holds rows? #}
{% macro is_state(part) %}
    {{ return(
        'funnel' in part or 'in_stage' in part or 'score' in part or is_moment_of_customer(part)
    ) }}
{% endmacro %}


{#
    Is a condition one on a moment of customers? Such a one hangs on the clock or on the time zone.
#}
{% macro is_moment_of_customer(part) %}
    {{ return(
        'has' in part
        and ['before', 'from', 'within', 'not_within'] | select('in', part) | list | length > 0
    ) }}
{% endmacro %}


{# The attributes of customers that some audience compares with a value, in order of name. #}
{% macro attributes_in_rules() %}
    {% set names = [] %}
    {% for spec in audience_specs().values() %}
        {% for condition in audience_conditions(spec.rule)
            if 'has' in condition and 'is' in condition %}
            {% do names.append(condition.has) %}
        {% endfor %}
    {% endfor %}
    {{ return(names | unique | sort | list) }}
{% endmacro %}


{# All attributes of customers that rules ask for, in order of name. #}
{% macro audience_attributes() %}
    {% set names = [] %}
    {% for spec in audience_specs().values() %}
        {% for condition in audience_conditions(spec.rule)
            if 'has' in condition and not is_moment_of_customer(condition) %}
            {% do names.append(condition.has) %}
        {% endfor %}
    {% endfor %}
    {{ return(names | unique | reject('equalto', 'person_id') | sort | list) }}
{% endmacro %}


{#
    Every `did` of all rules, numbered: {number, audience, part, rule, counted, within, earlier}.
    `counted` is the step whose activities are counted: the last one. `earlier` are those of the
    same audience that may count the same activity; a sequence comes after all that are none.
#}
{% macro audience_dids() %}
    {% set dids = [] %}
    {% for name, spec in audience_specs().items() %}
        {% set own = [] %}
        {% for part in audience_parts_of(spec.rule) if 'did' in part %}
            {% set within = part.get('within', spec.get('within')) %}
            {% do own.append({
                'number': dids | length + 1,
                'audience': name,
                'rule': part,
                'counted': part.then[-1] if part.get('then') else part,
                'within': none if within == 'ever' or part.get('first_time') else within,
                'first_within': within if part.get('first_time') and within != 'ever' else none,
            }) %}
            {% do dids.append(own[-1]) %}
        {% endfor %}
        {% for did in own %}
            {% set earlier = [] %}
            {% for other in own
                if other.counted.did == did.counted.did
                and may_overlap(other.counted.get('where', {}), did.counted.get('where', {})) %}
                {% set is_other_sequence, is_sequence = 'then' in other.rule, 'then' in did.rule %}
                {% if other.number != did.number
                    and (
                        is_other_sequence < is_sequence
                        or (is_other_sequence == is_sequence and other.number < did.number)
                    ) %}
                    {% do earlier.append(other) %}
                {% endif %}
            {% endfor %}
            {% do did.update({'earlier': earlier}) %}
        {% endfor %}
        {% set numbers = [] %}
        {% for part in audience_parts_of(spec.rule) %}
            {% if 'did' in part %}
                {% do numbers.append(loop.index) %}
            {% endif %}
        {% endfor %}
        {% for did in own %}{% do did.update({'part': numbers[loop.index0]}) %}{% endfor %}
    {% endfor %}
    {% set scopes = audience_scopes() %}
    {% for did in dids %}{% do did.update({'scope': scope_of_did(did, scopes)}) %}{% endfor %}
    {{ return(dids) }}
{% endmacro %}


{#
    Whether one activity can be both: no column that both ask for has values that differ altogether.
#}
{% macro may_overlap(one, other) %}
    {% set apart = [] %}
    {% for column in one if column in other %}
        {% set wanted = value_texts(other[column]) %}
        {% if not value_texts(one[column]) | select('in', wanted) | list %}
            {% do apart.append(column) %}
        {% endif %}
    {% endfor %}
    {{ return(not apart) }}
{% endmacro %}


{#
    The conditions of all rules for activities_that_meet: each `did`, and each `and_not` about the
    same kind of object, which ends it. An end before the window of its `did` ends nothing that the
    window holds, so the window is the end's too.
#}
{% macro audience_activity_conditions(dids) %}
    {% set conditions = [] %}
    {% set has_sequences = audience_sequences(dids) | length > 0 %}
    {% set has_scopes = dids | selectattr('scope') | list | length > 0 %}
    {% for did in dids %}
        {% set scope = [text_literal(did.scope) if did.scope else 'null'] if has_scopes else [] %}
        {% set steps = [did.rule] + did.rule.get('then', []) %}
        {% for step in steps %}
            {% set gap = duration_micros(step.within)
                if not loop.first and step.get('within') else 'null' %}
            {% do conditions.append({
                'number': conditions | length + 1,
                'action': step.did,
                'where': step.get('where'),
                'within': did.within,
                'facts': [did.number, false]
                + ([loop.index, steps | length, gap] if has_sequences else [])
                + scope,
            }) %}
        {% endfor %}
        {% if 'and_not' in did.rule %}
            {% set wanted = did.rule.get('where', {}).get('object_type') %}
            {% do conditions.append({
                'number': conditions | length + 1,
                'action': did.rule.and_not,
                'where': {'object_type': wanted} if wanted else none,
                'within': did.within,
                'facts': [did.number, true] + ([1, 1, 'null'] if has_sequences else []) + scope,
            }) %}
        {% endif %}
    {% endfor %}
    {{ return(conditions) }}
{% endmacro %}


{#
    Which conditions of a rule hold, of the evidence of all audiences:
    one row per audience and subject, with a column a part.
#}
{% macro audience_met(evidence) -%}
    select
        audience,
        subject_id,
        min(person_id) as person_id,
        {%- for number in audience_evidence_numbers() %}
        {{ any_true('holds and part_number = ' ~ number) }} as met_{{ number }},
        {%- endfor %}
        {%- for number in audience_numbers_at_most() %}
        {{ any_true('not holds and part_number = ' ~ number) }} as failed_{{ number }},
        {%- endfor %}
        cast(sum(counted_activities) as int64) as matched_activities,
        max(last_at) as last_matched_at
    from {{ evidence }}
    group by audience, subject_id
{%- endmacro %}


{# The numbers that conditions with evidence have in any rule. #}
{% macro audience_evidence_numbers() %}
    {% set numbers = [] %}
    {% for spec in audience_specs().values() %}
        {% for part in audience_parts_of(spec.rule) %}
            {% if is_evidence(part) or 'in_audience' in part %}
                {% do numbers.append(loop.index) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(numbers | unique | sort | list) }}
{% endmacro %}


{# The numbers that conditions have in any rule which hold for those who never did it. #}
{% macro audience_numbers_at_most() %}
    {% set numbers = [] %}
    {% for did in audience_dids() if holds_undone(did.rule) %}
        {% do numbers.append(did.part) %}
    {% endfor %}
    {{ return(numbers | unique | sort | list) }}
{% endmacro %}


{# `at_most` without `at_least` holds for those who never did it, too. #}
{% macro holds_undone(rule) %}
    {{ return('at_most' in rule and 'did' in rule and 'at_least' not in rule) }}
{% endmacro %}


{#
    A part of a rule as a boolean: `met` has the columns of audience_met, `customers` those of
    customers, and either may lack the row. `number` is the part's, `subject` the column of the
    subject. Gives (SQL, number of the next part).
#}
{% macro audience_boolean(rule, met, customers, number=1, subject=none) %}
    {% if holds_undone(rule) %}
        {{ return(('not coalesce(' ~ met ~ '.failed_' ~ number ~ ', false)', number + 1)) }}
    {% endif %}
    {% if is_evidence(rule) or 'in_audience' in rule %}
        {{ return((
            'coalesce(' ~ met ~ '.met_' ~ number ~ ', false)',
            number + audience_parts_of(rule) | length
        )) }}
    {% endif %}
    {% if 'has' in rule %}
        {{ return(('coalesce(' ~ audience_has(rule, customers) ~ ', false)', number + 1)) }}
    {% endif %}
    {% if 'sample' in rule %}
        {{ return((audience_sample(rule, subject or met ~ '.subject_id'), number + 1)) }}
    {% endif %}
    {% set walked = namespace(next=number + 1) %}
    {% set parts = [] %}
    {% for inner in audience_parts_inside(rule) %}
        {% set found = audience_boolean(inner, met, customers, walked.next, subject) %}
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
    The same share of subjects in every build: a hash of the sample's name and the subject.
    Samples of one name hold the same subjects, the larger one the smaller one's, too.
#}
{% macro audience_sample(rule, subject) %}
    {% set number = sixty_bits(
        'concat(' ~ text_literal(rule.get('named', '') ~ ':') ~ ', ' ~ subject ~ ')'
    ) | trim %}
    {{ return('mod(' ~ number ~ ', 1000000) < ' ~ (rule.sample * 10000) | round | int) }}
{% endmacro %}


{#
    For whom a rule can hold: 'done', those of whom something was counted; 'customers', also those
    of whom nothing was, if their attributes are so; 'everyone', also all others.
#}
{% macro audience_reach(rule) %}
    {% if audience_can_be(rule, true, false) %}{{ return('everyone') }}{% endif %}
    {{ return('customers' if audience_can_be(rule, true, true) else 'done') }}
{% endmacro %}

{# Can a rule be true (or false) where nothing was done, with attributes or without? #}
{% macro audience_can_be(rule, truth, has_attributes) %}
    {% if holds_undone(rule) %}{{ return(truth) }}{% endif %}
    {% if is_evidence(rule) or 'in_audience' in rule %}{{ return(not truth) }}{% endif %}
    {% if 'has' in rule %}{{ return(has_attributes or not truth) }}{% endif %}
    {% if 'sample' in rule %}{{ return(true) }}{% endif %}
    {% if 'not' in rule %}
        {{ return(audience_can_be(rule['not'], not truth, has_attributes)) }}
    {% endif %}
    {% set can = [] %}
    {% set inner = rule.get('any', rule.get('all')) %}
    {% for part in inner if audience_can_be(part, truth, has_attributes) %}
        {% do can.append(part) %}
    {% endfor %}
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
