{#
    Beside sessions, which activities are touches is in the YAML of the model `touches`, under
    config.meta.touches (see docs/attribution.md): [{name, action, where, kind, channel_group,
    same_visit}].
#}
{% macro touch_specs() %}
    {% set specs = named_rules('touches') %}
    {% do require_actions('touches', specs | map(attribute='action') | list) %}
    {{ return(specs) }}
{% endmacro %}


{#
    A touch's channel: a text for all, or by object_type;
    of types that the rule does not name, Unassigned.
#}
{% macro touch_channel(spec) -%}
    {%- if spec.channel_group is mapping -%}
    case object_type
            {%- for name, channel in spec.channel_group.items() %}
            when {{ text_literal(name) }} then {{ text_literal(channel) }}
            {%- endfor %}
            else 'Unassigned'
        end
    {%- else -%} {{ text_literal(spec.channel_group) }}
    {%- endif -%}
{%- endmacro %}


{# The names of click ids that platforms add to a landing page's address. #}
{% macro click_id_names() %}
    {{ return([
        'gclid', 'gbraid', 'wbraid', 'dclid', 'fbclid',
        'ttclid', 'oppref', 'msclkid', 'kclid', 'NaPm'
    ]) }}
{% endmacro %}


{#
    Of the platforms to which conversions are reported by a click id or by who it was:
    the click ids that each takes.
#}
{% macro reported_click_ids() %}
    {{ return({
        'google': ['gclid', 'gbraid', 'wbraid'],
        'meta': ['fbclid'],
        'tiktok': ['ttclid'],
        'openai': ['oppref']
    }) }}
{% endmacro %}


{# A parameter of an address, as it stands there. #}
{% macro address_parameter(url, name) -%}
    case
        when strpos({{ url }}, '{{ name }}=') > 0
            then {{ regex_extract(url, '[?&]' ~ name ~ '=([^&#]+)') }}
    end
{%- endmacro %}


{#
    The persons who do not want to be tracked, profiled or processed (Salesforce):
    what they did is never joined by who they are.
#}
{% macro untracked_persons() -%}
    select distinct person_id
    from {{ ref('consent_signals') }}
    where
        person_id is not null
        and signal in (
            'has_opted_out_tracking', 'has_opted_out_profiling',
            'has_opted_out_processing', 'should_forget'
        )
{%- endmacro %}
