{#
    A list of rules with names, under `meta.<key>`: Madang's own and the company's. A company's rule
    replaces Madang's of the same name; with `enabled: false` it removes it. Empty while dbt parses.
#}
{% macro named_rules(key) %}
    {% set by_name = {} %}
    {% set models = models_that_say(key) %}
    {% for is_own in [false, true] %}
        {% for node in models if (node.package_name != 'madang') == is_own %}
            {% for rule in node.config.meta[key] %}
                {% do by_name.update({rule.name: rule}) %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {{ return(by_name.values() | rejectattr('enabled', 'false') | list) }}
{% endmacro %}


{#
    The models with something under `meta.<key>`, in order of name; none while dbt parses.
    They are few of a thousand nodes, so they are taken out before they are sorted.
#}
{% macro models_that_say(key) %}
    {% set models = (graph.get('nodes') or {}).values()
        | selectattr('resource_type', 'equalto', 'model') %}
    {{ return(models | selectattr('config.meta.' ~ key) | sort(attribute='name')) }}
{% endmacro %}


{# All named actions. #}
{% macro named_actions() %}{{ return(madang.named_rules('actions')) }}{% endmacro %}


{# The named actions that come from GA4 events. #}
{% macro ga4_actions() %}
    {{ return(named_actions() | rejectattr('source', 'defined') | list) }}
{% endmacro %}


{#
    A short text that changes when the result of the actions on events changes: their conditions,
    objects and values, and the parameters that are read. Descriptions do not count, nor do the
    records that an action meets, nor actions of other sources. The number is the version of this
    grammar.
#}
{% macro actions_version() %}
    {% set rules = [] %}
    {% for action in ga4_actions() %}
        {% set rule = {} %}
        {% for key, said in action.items() if key not in ('description', 'meets') %}
            {% do rule.update({key: said}) %}
        {% endfor %}
        {% do rules.append(rule) %}
    {% endfor %}
    {{ return(
        local_md5('2 ' ~ tojson({'actions': rules, 'params': ga4_params()}, sort_keys=true))
    ) }}
{% endmacro %}


{#
    Stops a build whose rule names an action that does not exist: the rule would silently hold for
    no person. `madang check` says the same with the line and a suggestion. This is for runs of dbt
    alone.
#}
{% macro require_actions(rule_of, names) %}
    {% set known = named_actions() | map(attribute='name') | list %}
    {% for name in names if name and name not in known %}
        {% do exceptions.raise_compiler_error(
            "The rule of " ~ rule_of ~ " names the action '" ~ name
            ~ "', which does not exist. Actions are defined under meta.actions of a model: "
            ~ known | sort | join(', ') ~ "."
        ) %}
    {% endfor %}
{% endmacro %}


{# The body of the model that holds a company's actions: one row per action. #}
{% macro list_of_actions() -%}
    {%- set actions = (config.get('meta') or {}).get('actions', [])
        | rejectattr('enabled', 'false') -%}
    {%- for action in actions %}
    select
        {{ madang.text_literal(action.name) }} as action,
        {{ madang.text_literal(action.get('source', 'ga4')) }} as source,
        {{ madang.text_literal(action.get('description', '') | trim) }} as description
    {{ 'union all' if not loop.last }}
    {%- else %}
    select action, source, description
    from (select 'none' as action, 'ga4' as source, '' as description) as listed
    where action <> 'none'
    {%- endfor %}
{%- endmacro %}


{#
    The GA4 events that can be one of the actions,
    so that all others are left out before any condition is looked at.
#}
{% macro action_events(actions) %}
    {% set names = [] %}
    {% for action in actions %}{% do names.extend(events_of_block(action)) %}{% endfor %}
    {{ return(names | unique | sort | list) }}
{% endmacro %}

{% macro events_of_block(block) %}
    {% if block.get('event') %}
        {{ return([block.event] if block.event is string else block.event) }}
    {% endif %}
    {% set names = [] %}
    {% for inner in block.get('any', []) + block.get('all', []) %}
        {% do names.extend(events_of_block(inner)) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}


{#
    The condition of an action, or of a block inside it, on an event: all that it says holds.
    `items` are the conditions on items, by number.
#}
{% macro action_condition(block, items=[]) -%}
    {%- set parts = [] -%}
    {%- if block.get('event') -%}
        {%- set events = [block.event] if block.event is string else block.event -%}
        {%- do parts.append('event_name in (' ~ text_literals(events) ~ ')') -%}
    {%- endif -%}
    {%- for key in ['page_path', 'hostname'] if key in block -%}
        {%- do parts.append(field_matches(action_event_field(key), block[key])) -%}
    {%- endfor -%}
    {%- for name, wanted in block.get('where', {}).items() -%}
        {%- do parts.append(field_matches(action_event_field(name), wanted)) -%}
    {%- endfor -%}
    {%- for name, wanted in block.get('page_query', {}).items() -%}
        {%- set pattern = '[?&]' ~ modules.re.escape(name) ~ '=([^&#]+)' -%}
        {%- do parts.append(field_matches(
            {'column': regex_extract('page_location', pattern), 'type': 'string'}, wanted
        )) -%}
    {%- endfor -%}
    {%- if block.get('item') -%}
        {%- do parts.append('has_item_' ~ items.index(block.item)) -%}
    {%- endif -%}
    {%- for mode, word in [('any', ' or '), ('all', ' and ')] if block.get(mode) -%}
        {%- set inner = [] -%}
        {%- for each in block[mode] -%}
            {%- do inner.append(action_condition(each, items)) -%}
        {%- endfor -%}
        {%- do parts.append('(' ~ inner | join(word) ~ ')') -%}
    {%- endfor -%}
    {%- if block.get('not') -%}
        {%- do parts.append(
            'not coalesce(' ~ action_condition(block['not'], items) ~ ', false)'
        ) -%}
    {%- endif -%}
    ({{ parts | join(' and ') if parts else 'true' }})
{%- endmacro %}


{# What the actions hold for, one element each: the action's name, or null. #}
{% macro action_names_that_hold(actions, items=[]) %}
    {% set elements = [] %}
    {% for action in actions %}
        {% do elements.append(
            'case when ' ~ action_condition(action, items) ~ ' then ' ~ text_literal(action.name)
            ~ ' end'
        ) %}
    {% endfor %}
    {{ return(elements or ['cast(null as string)']) }}
{% endmacro %}


{#
    Microseconds within which an action is the same as the one before: {'debounce': '1s'};
    0 where there is none.
#}
{% macro action_debounce(action) %}
    {% set said = (action.get('debounce') or '0 s') | string %}
    {% set number = modules.re.match('[0-9]+', said).group(0) | int %}
    {% set unit = modules.re.sub('[0-9 ]+', '', said) %}
    {% set micros = {'ms': 1000, 's': 1000000, 'min': 60000000} %}
    {{ return(number * micros['ms' if unit == 'ms' else 'min' if unit.startswith('m') else 's']) }}
{% endmacro %}
