{#
    What a funnel may say beside its steps and its window, and what the presets of the vendors say
    for it. docs/funnels.md has the pages that they come from. A funnel that says nothing of this is
    plain: the chain in funnel_rules.sql builds it. Every other is built by funnel_paths, with no
    SQL for what it does not say.
#}

{#
    preset → what it sets. `effect` is that of its exclusions,
    `count_held` how a funnel counts that holds something.
#}
{% macro funnel_presets() %}
    {{ return({
        'ga4': {
            'window': 'none', 'reentry': 'best', 'tie': '0 seconds',
            'effect': 'stop', 'count_held': 'persons'
        },
        'amplitude': {
            'window': '1 day', 'reentry': 'best', 'tie': '1 second',
            'effect': 'stop', 'count_held': 'objects'
        },
        'mixpanel': {
            'window': '7 days', 'reentry': 'first', 'tie': '2 seconds',
            'effect': 'stop', 'count_held': 'persons'
        },
        'posthog': {
            'window': '14 days', 'reentry': 'optimized',
            'tie': '0 seconds', 'effect': 'remove', 'count_held': 'persons'
        },
    }) }}
{% endmacro %}


{# All settings of a funnel: its own, else those of its preset, else Madang's. #}
{% macro funnel_settings(spec) %}
    {% set said = {
        'order': 'ordered', 'entry': 'closed', 'reentry': 'optimized', 'tie': '0 seconds',
        'effect': 'stop', 'count_held': 'objects', 'hold': [], 'exclude': [],
        'breakdown': {'by': 'channel_group', 'at': 'first'},
    } %}
    {% do said.update(funnel_presets().get(spec.get('semantics'), {})) %}
    {% do said.update(spec) %}
    {% if said.hold is string %}{% do said.update({'hold': [said.hold]}) %}{% endif %}
    {% if 'count' not in said %}
        {% do said.update({'count': said.count_held if said.hold else 'persons'}) %}
    {% endif %}
    {% set held = [] %}
    {% for name in said.hold %}
        {% do held.append({
            'object': 'object_id', 'application': 'object_id', 'session': 'session_key'
        }.get(name, name)) %}
    {% endfor %}
    {% if said['count'] == 'sessions' %}{% do held.append('session_key') %}{% endif %}
    {# one activity must not be two steps, which a tolerance between repeated actions would allow #}
    {% set actions = said.steps | map(attribute='action') | list %}
    {% set tie = duration_micros(said.tie)
        if actions | unique | list | length == actions | length else 0 %}
    {% set required = [] %}
    {% for step in said.steps if not step.get('optional') %}
        {% do required.append(step) %}
    {% endfor %}
    {% do said.update({
        'held': held | unique | list,
        'tie_micros': tie,
        'window_micros': funnel_window_micros(said.window),
        'required': required,
        'names': said.steps | map(attribute='name') | list,
        'links': required | map(attribute='name') | list,
        'chooser': 'life' if said['count'] == 'persons' and held else 'lane',
    }) %}
    {{ return(said) }}
{% endmacro %}


{# A window as microseconds; none is a hundred years. #}
{% macro funnel_window_micros(window) %}
    {{ return(duration_micros('36500 days' if window in (none, 'none') else window)) }}
{% endmacro %}


{# Whether a funnel says nothing but its steps, which come in order, and its window. #}
{% macro funnel_is_plain(spec) %}
    {% set more = spec.keys() | reject('in', ['label', 'description', 'window', 'steps']) | list %}
    {% for step in spec.steps %}
        {% do more.extend(
            step.keys() | reject('in', ['name', 'label', 'action', 'where']) | list
        ) %}
    {% endfor %}
    {{ return(more | length == 0 and spec.get('window') != 'none') }}
{% endmacro %}


{#
    The conditions of a funnel, for activities_that_meet. Facts are the step's number, the link and
    the kind. Kinds: 0 a step, 1 an exclusion that stops, 2 an exclusion that removes, 3 an optional
    step.

    The number of an exclusion is 0. The link is the step's place among the required steps, and 0
    for an optional step. The link of an exclusion is that of the step after which it counts.
#}
{% macro funnel_path_conditions(said) %}
    {% set conditions = [] %}
    {% for step in said.steps %}
        {% set link = 0 if step.get('optional') else said.links.index(step.name) + 1 %}
        {% do conditions.append({
            'action': step.action,
            'where': step.get('where'),
            'facts': [loop.index, link, 3 if step.get('optional') else 0]
        }) %}
    {% endfor %}
    {% for one in said.exclude %}
        {% set first = said.links.index(one.after) + 1 if one.get('after') else 1 %}
        {% set last = said.links.index(one.before)
            if one.get('before') else said.links | length - 1 %}
        {% for link in (range(first, last + 1) if said.order != 'any' else [1]) %}
            {% set kind = 2 if one.get('effect', said.effect) == 'remove' else 1 %}
            {% do conditions.append(
                {'action': one.action, 'where': one.get('where'), 'facts': [0, link, kind]}
            ) %}
        {% endfor %}
    {% endfor %}
    {% for condition in conditions %}{% do condition.update({'number': loop.index}) %}{% endfor %}
    {{ return(conditions) }}
{% endmacro %}


{# The links after which an exclusion of a kind counts. #}
{% macro funnel_excluded_links(said, kind) %}
    {% set links = [] %}
    {% for condition in funnel_path_conditions(said) if condition.facts[2] == kind %}
        {% do links.append(condition.facts[1]) %}
    {% endfor %}
    {{ return(links | unique | list) }}
{% endmacro %}


{#
    The steps of a funnel as tables of all entries show them: in any order, the first, second, ...
    of the steps that was done, whichever it was.
#}
{% macro funnel_shown_steps(spec) %}
    {% if spec.get('order') != 'any' %}{{ return(spec.steps) }}{% endif %}
    {% set shown = [] %}
    {% for step in spec.steps %}
        {% do shown.append({'name': loop.index ~ ' of ' ~ spec.steps | length}) %}
    {% endfor %}
    {{ return(shown) }}
{% endmacro %}
