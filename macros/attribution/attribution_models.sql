{#
    The models of attribution are in the YAML of `attribution_credits`,
    under config.meta.attribution_models (see docs/attribution.md).
#}
{% macro attribution_models() %}{{ return(named_rules('attribution_models')) }}{% endmacro %}


{# The Markov models: name → order. #}
{% macro markov_models() %}
    {% set found = [] %}
    {% for spec in attribution_models() if spec.kind == 'markov' %}
        {% do found.append(spec) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    Which touches of a path a model looks at, as one text: models of one view are computed together.
#}
{% macro model_view(spec) %}
    {{ return(
        spec.get('transform', 'unique') ~ ('_without_direct' if spec.get('drop_direct') else '')
    ) }}
{% endmacro %}


{#
    The condition of a view on a touch of a path.
    Direct touches are dropped unless all of the path are direct.
#}
{% macro view_condition(view) -%}
    {%- set parts = [] -%}
    {%- if view.startswith('exposure') -%}{%- do parts.append('is_exposure') -%}{%- endif -%}
    {%- if view.startswith('first') -%}{%- do parts.append('is_first_of_channel') -%}{%- endif -%}
    {%- if view.endswith('_without_direct') -%}
        {%- do parts.append('(not is_direct or is_path_of_direct)') -%}
    {%- endif -%}
    {{ parts | join(' and ') or 'true' }}
{%- endmacro %}


{#
    The share of a conversion that a touch and all touches before it have under a model, from 0 to
    1. With `before` it is the share of those before it alone. The touch's credit is the difference,
    so credits add up to exactly 1.

    Expressions over place (1 is the first of the path), touches, place_of_channel and
    touches_of_channel. Models with weights also use part_<name>, total_<name> and weight_<name>.
#}
{% macro share_of_credit(spec, before=false) -%}
    {%- set place = '(place - 1)' if before else 'place' -%}
    {%- set part = '(part_' ~ spec.name ~ ' - weight_' ~ spec.name ~ ')'
        if before else 'part_' ~ spec.name -%}
    {%- if spec.kind == 'first' -%} case when {{ place }} >= 1 then 1.0 else 0.0 end
    {%- elif spec.kind == 'last' -%} case when {{ place }} = touches then 1.0 else 0.0 end
    {%- elif spec.kind == 'linear' -%} {{ place }} / touches
    {%- elif spec.kind == 'position' -%}
        {%- set first, middle, last = spec.weights -%}
        case
            when {{ place }} = 0 then 0.0
            when {{ place }} = touches then 1.0
            when touches = 2 then {{ first }} / {{ first + last }}
            else {{ first }} + {{ middle }} * ({{ place }} - 1) / (touches - 2)
        end
    {%- elif spec.kind == 'participation' -%}
        {{ '(place_of_channel - 1)' if before else 'place_of_channel' }} / touches_of_channel
    {%- else -%}
        case
            when total_{{ spec.name }} > 0 then {{ part }} / total_{{ spec.name }}
            else {{ place }} / touches
        end
    {%- endif -%}
{%- endmacro %}


{#
    A touch's weight under a model whose shares need a sum. It is a whole number, so the order of
    adding does not matter. Time decay: half for each half-life before the path's last touch.
    Shapley: its channel's part, divided by the channel's touches. Markov: its channel's removal
    effect.
#}
{% macro credit_weight(spec) -%}
    {%- if spec.kind == 'time_decay' -%}
        {%- set seconds = duration_micros(spec.half_life) // 1000000 -%}
        cast(round(
            1e12
            * power(0.5, {{ seconds_between('touched_at', 'last_touched_at') }} / {{ seconds }})
        ) as int64)
    {%- elif spec.kind == 'shapley' -%} cast(round(1e12 / (channels * touches_of_channel)) as int64)
    {%- elif spec.kind == 'markov' -%}
        coalesce(cast(round(1e12 * effect_{{ spec.name }}) as int64), 0)
    {%- endif -%}
{%- endmacro %}

{% macro is_weighted(spec) %}
    {{ return(spec.kind in ['time_decay', 'shapley', 'markov']) }}
{% endmacro %}


{#
    A part of a number, as a whole number of units;
    the difference of two such parts is what one touch has.
#}
{% macro in_units(share, units) -%}
    cast(round({{ units }} * ({{ share }})) as int64)
{%- endmacro %}
