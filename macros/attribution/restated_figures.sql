{#
    The figures whose every change `figure_changes` keeps:
    those of campaign_returns by the day of the touch, and cost.
#}
{% macro restated_figures() %}
    {{ return([
        'conversions', 'online_value', 'verified_conversions', 'verified_value',
        'reversed_conversions', 'reversed_value', 'cost',
    ]) }}
{% endmacro %}


{#
    A short text that changes with the rules which say what is a conversion and how it is credited.
#}
{% macro figure_rules() %}
    {% set model = attribution_models()
        | selectattr('name', 'equalto', var('returns_model')) | list %}
    {{ return(local_md5(tojson(
        {'conversions': conversion_specs(), 'model': model, 'actions': actions_version()},
        sort_keys=true
    ))) }}
{% endmacro %}
