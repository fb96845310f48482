{#
    The conditions of the activities that this sync sends to Braze, for `activities_that_meet`. The
    facts are the name at Braze and whether it is an event or a purchase.
#}
{% macro braze_event_conditions(rule) %}
    {% set conditions = [] %}
    {% for list, name in {'events': 'name', 'purchases': 'product'}.items() %}
        {% for told in rule.get(list, []) %}
            {% do madang.require_actions(model.name, madang.value_texts(told.did)) %}
            {% for action in madang.value_texts(told.did) %}
                {% do conditions.append({
                    'number': conditions | length + 1,
                    'action': action,
                    'where': told.get('where', {}),
                    'within': rule.get('within', '30 days'),
                    'facts': [madang.text_literal(told[name]), madang.text_literal(list)],
                }) %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {{ return(conditions) }}
{% endmacro %}
