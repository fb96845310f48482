{#
    Holdouts: a share of an audience, or of all audiences, that gets no messages, so that their
    effect can be measured (docs/lift.md). An audience declares its own under `holdout` of its rule.
    `var('global_holdout')` is one of all audiences, with the name `all_audiences`. `holdout: false`
    excludes an audience from both.
#}

{% macro global_experiment() %}{{ return('all_audiences') }}{% endmacro %}


{#
    Every declared experiment: {experiment, salt, share (per cent), since, until, window},
    the one of all audiences first.
#}
{% macro holdout_specs() %}
    {% set found = [] %}
    {% set declared = {global_experiment(): var('global_holdout', none)} %}
    {% for name, spec in audience_specs().items() %}
        {% do declared.update({name: spec.get('holdout')}) %}
    {% endfor %}
    {% for name, rule in declared.items() if rule is mapping %}
        {% do found.append({
            'experiment': name,
            'salt': rule.get('salt', name) | string,
            'share': rule.share,
            'since': rule.since,
            'until': rule.get('until'),
            'window': rule.get('window', '28 days'),
        }) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# One row an experiment. #}
{% macro holdout_rows() -%}
    {%- set rows = [] -%}
    {%- for one in holdout_specs() -%}
        {%- do rows.append([
            text_literal(one.experiment),
            text_literal(one.salt),
            one.share,
            "date '" ~ one.since ~ "'",
            "date '" ~ one.until ~ "'" if one.until else 'null',
            duration_micros(one.window),
        ]) -%}
    {%- endfor -%}
    {{ rows_of({
        'experiment': 'string', 'salt': 'string', 'share': float64(), 'since_date': 'date',
        'until_date': 'date', 'window_micros': 'int64'
    }, rows) }}
{%- endmacro %}


{# Does an experiment of `holdout_rows` hold people out on a day? #}
{% macro is_holdout_on(day) -%}
    since_date <= {{ day }} and (until_date is null or until_date >= {{ day }})
{%- endmacro %}


{# One row an audience and experiment in which its people are. #}
{% macro holdout_audience_rows() -%}
    {%- set rows = [] -%}
    {%- set has_global = holdout_specs()
        | selectattr('experiment', 'equalto', global_experiment()) | list | length > 0 -%}
    {%- for name, spec in audience_specs().items() -%}
        {%- if has_global and spec.get('holdout') is not sameas false -%}
            {%- do rows.append([text_literal(name), text_literal(global_experiment())]) -%}
        {%- endif -%}
        {%- if spec.get('holdout') is mapping %}
            {% do rows.append([text_literal(name), text_literal(name)]) %}
        {% endif -%}
    {%- endfor -%}
    {{ rows_of({'audience': 'string', 'experiment': 'string'}, rows) }}
{%- endmacro %}


{#
    Who is held out of an audience, or of all: (audience, person_id).
    `pairs` is a query of audiences with the experiments in which their people are.
#}
{% macro held_out_rows(pairs) -%}
    select distinct of_audiences.audience, arms.person_id
    from {{ ref('holdout_arms') }} as arms
    inner join ({{ pairs }}) as of_audiences
        on arms.experiment = of_audiences.experiment
    where arms.is_held_out
{%- endmacro %}


{#
    The arm of a person, from a hash of the experiment's salt and the person's id. So it is the same
    in every run, for every version of the rule and on both warehouses. The word before the salt
    keeps it independent of `sample`.
#}
{% macro holdout_arm(salt, person_id, share) -%}
    case
        when mod(
            {{ sixty_bits("concat('holdout:', " ~ salt ~ ", ':', " ~ person_id ~ ")") | trim }},
            1000000
        ) < {{ share }} * 10000
            then 'holdout'
        else 'treated'
    end
{%- endmacro %}


{#
    The channels and purposes that audiences name, as rows:
    audience, channel, purpose, is_first_purpose.
#}
{% macro audience_consent_rows(specs) -%}
    {%- set rows = [] -%}
    {%- for one in audience_consents(specs) -%}
        {%- do rows.append([
            text_literal(one.audience), text_literal(one.channel),
            text_literal(one.purpose), one.is_first_purpose | string | lower
        ]) -%}
    {%- endfor -%}
    {{ rows_of(
        {
            'audience': 'string', 'channel': 'string',
            'purpose': 'string', 'is_first_purpose': 'bool'
        },
        rows
    ) }}
{%- endmacro %}
