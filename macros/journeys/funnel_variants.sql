{#
    What 'madang funnel compare' builds in place of a funnel: the funnel itself, the funnel under
    each preset, and the funnel with one rule of a preset. Steps, window, conditions and what is
    held are the same in all.
#}
{% macro funnel_variants(spec) %}
    {% set own = funnel_compared_keys(spec) %}
    {% set variants = {'own': own} %}
    {% for row in funnel_variant_rules(spec) %}
        {% set variant = variants.get(row.variant, own.copy()) %}
        {% do variant.update(row.says) %}
        {% do variants.update({row.variant: variant}) %}
    {% endfor %}
    {{ return(variants) }}
{% endmacro %}


{#
    A funnel with the keys in which presets differ written out, and without a preset.
    An exclusion's own effect goes before a preset's, as always.
#}
{% macro funnel_compared_keys(spec) %}
    {% set said = funnel_settings(spec) %}
    {% set own = spec.copy() %}
    {% do own.pop('semantics', none) %}
    {% for key in ['window', 'reentry', 'tie', 'effect', 'count'] %}
        {% do own.update({key: said[key]}) %}
    {% endfor %}
    {{ return(own) }}
{% endmacro %}


{#
    Each preset and rule in which it differs from the funnel: {preset, variant, rule, says};
    the preset itself has no rule and says all of them.
#}
{% macro funnel_variant_rules(spec) %}
    {% set own, rows = funnel_compared_keys(spec), [] %}
    {% for preset in funnel_presets() %}
        {% set asked = spec.copy() %}
        {% for key in ['reentry', 'tie', 'effect', 'entry'] %}
            {% do asked.pop(key, none) %}
        {% endfor %}
        {% if spec.get('hold') and spec.get('count') in (none, 'persons', 'objects') %}
            {% do asked.pop('count', none) %}
        {% endif %}
        {% do asked.update({'semantics': preset, 'window': own.window}) %}
        {% set theirs, all = funnel_compared_keys(asked), {'entry': 'closed'} %}
        {% for key in ['reentry', 'tie', 'count', 'entry']
            + (['effect'] if spec.get('exclude') else []) %}
            {% set value = theirs.get(key, 'closed') %}
            {% if value != own.get(key, 'closed') %}
                {% do all.update({key: value}) %}
                {% set variant = ('own_' ~ key ~ '_' ~ value) | replace(' ', '_') %}
                {% do rows.append({
                    'preset': preset,
                    'variant': variant,
                    'rule': key ~ ': ' ~ value,
                    'says': {key: value}
                }) %}
            {% endif %}
        {% endfor %}
        {% do rows.append({'preset': preset, 'variant': preset, 'rule': '', 'says': all}) %}
    {% endfor %}
    {{ return(rows) }}
{% endmacro %}


{# The rows of that, of the funnel that is compared; none in any other build. #}
{% macro funnel_variant_rows() -%}
    {%- set rows = [] -%}
    {%- for node in (graph.nodes.values() if execute else [])
        if node.resource_type == 'model' and node.config.meta.get('is_compared') -%}
        {%- for row in funnel_variant_rules(node.config.meta.funnel) -%}
            {%- do rows.append([
                text_literal(node.name[7:]),
                text_literal(row.preset),
                text_literal(row.variant),
                text_literal(row.rule)
            ]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ rows_of(
        {'funnel': 'string', 'preset': 'string', 'variant': 'string', 'rule': 'string'}, rows
    ) }}
{%- endmacro %}
