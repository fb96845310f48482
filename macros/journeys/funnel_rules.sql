{#
    A funnel's rule is in the YAML of its model, `funnel_<name>`, under config.meta.funnel (see
    docs/funnels.md). Steps of a plain funnel happen in order, every step is another activity, and
    the whole stays within `window` of the first step. A later first step may start the entry anew:
    a subject converts if any of its entries does. A funnel that says more is built by funnel_paths.
#}

{# name → rule, for every funnel_ model that has one, in order of name. #}
{% macro funnel_specs() %}
    {% set specs = {} %}
    {% if execute %}
        {% for node in models_that_say('funnel') if node.name.startswith('funnel_') %}
            {% set spec = node.config.meta.funnel %}
            {% do specs.update(
                funnel_variants(spec)
                if node.config.meta.get('is_compared') else {node.name[7:]: spec}
            ) %}
            {% do require_actions(
                node.name, (spec.steps + spec.get('exclude', [])) | map(attribute='action') | list
            ) %}
        {% endfor %}
    {% endif %}
    {{ return(specs) }}
{% endmacro %}


{# The numbers by which statements know the funnels, in order of name. #}
{% macro funnel_numbers() %}
    {{ return(range(1, funnel_specs() | length + 1) | list) }}
{% endmacro %}


{# One row a funnel: its number, name, window and how many steps it has. #}
{% macro funnel_rows() -%}
    {%- set rows = [] -%}
    {%- for name, spec in funnel_specs().items() -%}
        {%- do rows.append([
            loop.index, text_literal(name), funnel_settings(spec).window_micros, spec.steps | length
        ]) -%}
    {%- endfor -%}
    {{ rows_of(
        {'funnel_number': 'int64', 'funnel': 'string', 'window_micros': 'int64', 'steps': 'int64'},
        rows
    ) }}
{%- endmacro %}


{# One row a funnel and step. #}
{% macro funnel_step_rows() -%}
    {%- set rows = [] -%}
    {%- for name, spec in funnel_specs().items() -%}
        {%- set funnel_number = loop.index -%}
        {%- for step in spec.steps -%}
            {%- do rows.append(
                [funnel_number, text_literal(name), loop.index, text_literal(step.name)]
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ rows_of(
        {'funnel_number': 'int64', 'funnel': 'string', 'step_number': 'int64', 'step': 'string'},
        rows
    ) }}
{%- endmacro %}


{#
    The conditions of all steps of plain funnels, or of their first steps alone,
    for activities_that_meet; funnel_facts are what they know.
#}
{% macro funnel_conditions(first_steps=false) %}
    {% set conditions = [] %}
    {% for spec in funnel_specs().values() %}
        {% set funnel_number = loop.index %}
        {% set steps = spec.steps if funnel_is_plain(spec) else [] %}
        {% for step in (steps[:1] if first_steps else steps) %}
            {% do conditions.append({
                'number': conditions | length + 1,
                'action': step.action,
                'where': step.get('where'),
                'facts': [funnel_number, loop.index, duration_micros(spec.window)],
            }) %}
        {% endfor %}
    {% endfor %}
    {{ return(conditions) }}
{% endmacro %}

{% macro funnel_facts() %}
    {{ return({'funnel_number': 'int64', 'step_number': 'int64', 'window_micros': 'int64'}) }}
{% endmacro %}


{# The number of steps of the longest plain funnel. #}
{% macro funnel_longest() %}
    {% set lengths = [1] %}
    {% for spec in funnel_specs().values() if funnel_is_plain(spec) %}
        {% do lengths.append(spec.steps | length) %}
    {% endfor %}
    {{ return(lengths | max) }}
{% endmacro %}


{#
    The moment of the step with a number, among the columns moment_1, moment_2, ...;
    null where there is none.
#}
{% macro funnel_moment(step_number, longest) -%}
    case {{ step_number }}
        {%- for j in range(1, longest + 1) %} when {{ j }} then moment_{{ j }}{% endfor %} end
{%- endmacro %}


{#
    Of every funnel and subject the entry that came furthest and, of equals, began first: its steps
    and the moment of each. `rows` are activities with the step that they can be (funnel_number,
    subject_hash, activity_order, moment, step_number, window_micros).
#}
{% macro furthest_entries(rows, longest) -%}
    with
    {%- for k in range(1, longest + 1) %}
    step_{{ k }} as (

        {{ funnel_link(rows if k == 1 else 'step_' ~ (k - 1), k) }}

    ),
    {%- endfor %}

    first_reached as (

        {%- for k in range(1, longest + 1) %}
        select
            funnel_number,
            subject_hash,
            step_number as step_reached,
            {%- for j in range(1, longest + 1) %}
            {{
                'moment_' ~ j if j <= k else 'cast(null as int64) as moment_' ~ j
            }}{{ ',' if not loop.last }}
            {%- endfor %}
        from step_{{ k }}
        where step_number = {{ k }}
        {{ 'union all' if not loop.last }}
        {%- endfor %}

    )

    select *
    from first_reached
    qualify
        row_number() over (partition by funnel_number, subject_hash order by step_reached desc) = 1
{%- endmacro %}


{#
    One link of the chain. `rows` are activities with the step that they can be and, from step k on,
    the moments of the steps before it. Gives the first activity of every subject that reached step
    k. It also gives the activities that can be a later step, have step k before them, and lie
    within the window of their entry.

    The chain sorts once per link. So a subject with a hundred thousand activities does no harm, as
    it would in a self-join. The chain also shrinks: an activity without step k before it can reach
    nothing.

    At one moment later steps come first, so that no activity is its own successor. Moments only
    grow along a subject's activities, so the last activity that reached a step has the latest
    entry.
#}
{% macro funnel_link(rows, k) -%}
    {%- set before = range(1, k) | list -%}
    select
        funnel_number,
        subject_hash,
        activity_order,
        moment,
        step_number,
        window_micros,
        {%- for j in before %}
        case when step_number = {{ k }} then moment_{{ j }} else back_{{ j }} end as moment_{{ j }},
        {%- endfor %}
        case when step_number = {{ k }} then moment else back_{{ k }} end as moment_{{ k }}
    from (
        select
            *,
            {%- for j in before %}
            last_value(
                case when step_number = {{ k }} then moment_{{ j }} end ignore nulls
            ) over looking_back as back_{{ j }},
            {%- endfor %}
            last_value(
                case when step_number = {{ k }} then moment end ignore nulls
            ) over looking_back as back_{{ k }}
        from {{ rows }}
        where step_number >= {{ k }}
        window looking_back as (
            partition by subject_hash, funnel_number
            order by activity_order, step_number desc
            rows between unbounded preceding and 1 preceding
        )
    ) as looked_back
    where case
        when step_number = {{ k }} then back_{{ k }} is null
        else moment - window_micros <= back_1
    end
{%- endmacro %}
