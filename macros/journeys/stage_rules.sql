{#
    Journeys are ordered stages, in YAML under config.meta.stages of a model (see docs/stages.md). A
    person is in one stage of a journey at a time, or in none yet.
#}

{# name → journey, Madang's own and the company's. #}
{% macro stage_specs() %}
    {% set specs = {} %}
    {% if execute %}
        {% for journey in named_rules('stages') %}
            {% do specs.update({journey.name: journey}) %}
            {% for stage in journey.stages %}
                {% for entry in stage.get('enter', []) if 'did' in entry %}
                    {% do require_actions('the journey ' ~ journey.name, value_texts(entry.did)) %}
                {% endfor %}
            {% endfor %}
        {% endfor %}
    {% endif %}
    {{ return(specs) }}
{% endmacro %}


{#
    One row a stage: its number in the journey, its label,
    and after how long without anything it begins.
#}
{% macro stage_rows() -%}
    {%- set rows = [] -%}
    {%- for name, journey in stage_specs().items() -%}
        {%- for stage in journey.stages -%}
            {%- do rows.append([
                text_literal(name),
                text_literal(journey.get('label', name)),
                loop.index,
                text_literal(stage.name),
                text_literal(stage.get('label', stage.name)),
                duration_micros(stage.quiet_for) if 'quiet_for' in stage else 'null',
            ]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ rows_of(
        {
            'journey': 'string', 'journey_label': 'string', 'stage_number': 'int64',
            'stage': 'string', 'stage_label': 'string', 'quiet_micros': 'int64'
        },
        rows,
    ) }}
{%- endmacro %}


{# Every way into a stage: {number, journey, stage_number, goes_back, entry}. #}
{% macro stage_entries() %}
    {% set found = [] %}
    {% for name, journey in stage_specs().items() %}
        {% for stage in journey.stages %}
            {% set stage_number = loop.index %}
            {% for entry in stage.get('enter', []) %}
                {% do found.append({
                    'number': found | length + 1,
                    'journey': name,
                    'stage_number': stage_number,
                    'goes_back': stage.get('goes_back', false),
                    'entry': entry,
                }) %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# The actions that lead into a stage, for activities_that_meet. #}
{% macro stage_conditions() %}
    {% set conditions = [] %}
    {% for one in stage_entries() if 'did' in one.entry %}
        {% for action in value_texts(one.entry.did) %}
            {% do conditions.append({
                'number': conditions | length + 1,
                'action': action,
                'where': one.entry.get('where'),
                'facts': [one.number, text_literal(one.journey), one.stage_number, one.goes_back],
            }) %}
        {% endfor %}
    {% endfor %}
    {{ return(conditions) }}
{% endmacro %}

{% macro stage_facts() %}
    {{ return(
        {'entry_number': 'int64', 'journey': 'string', 'stage_number': 'int64', 'goes_back': 'bool'}
    ) }}
{% endmacro %}


{#
    All moments at which a person met the condition of a stage: (person_id, journey, stage_number,
    goes_back, moment), as a query that stands alone. `activities` and `customers` are relations.
#}
{% macro stage_moments(activities, customers) -%}
    {%- set narrowed = [] -%}
    {%- for one in stage_entries() if 'did' in one.entry and one.entry.get('of') -%}
        {%- do narrowed.append(
            'when ' ~ one.number ~ ' then coalesce(' ~ columns_equal('customers', one.entry.of)
            ~ ', false)'
        ) -%}
    {%- endfor -%}
    select
        matched.person_id,
        matched.journey,
        matched.stage_number,
        matched.goes_back,
        matched.occurred_at as moment
    from (
        {{ activities_that_meet(
            activities, stage_conditions(), ['person_id', 'occurred_at'], stage_facts()
        ) }}
    ) as matched
    {%- if narrowed %}
    left join {{ customers }} as customers on matched.person_id = customers.person_id
    {%- endif %}
    where
        matched.person_id is not null
        {%- if narrowed %}
        and case matched.entry_number
            {{ narrowed | join('\n            ') }}
            else true
        end
        {%- endif %}
    {%- for one in stage_entries() if 'at' in one.entry %}

    union all

    select
        customers.person_id,
        {{ text_literal(one.journey) }} as journey,
        {{ one.stage_number }} as stage_number,
        {{ one.goes_back }} as goes_back,
        customers.{{ one.entry.at }} as moment
    from {{ customers }} as customers
    where
        customers.{{ one.entry.at }} <= {{ as_of() }}
        {%- if one.entry.get('of') %}
        and {{ columns_equal('customers', one.entry.of) }}
        {%- endif %}
    {%- endfor %}
{%- endmacro %}


{# The attributes by which stage_days breaks a journey down: {journey, column}. #}
{% macro stage_segments() %}
    {% set found = [] %}
    {% for name, journey in stage_specs().items() %}
        {% for column in journey.get('segments', []) %}
            {% do found.append({'journey': name, 'column': column}) %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    How somebody came from one stage into another;
    a stage with quiet_micros is one of people who did nothing.
#}
{% macro stage_way(earlier, later) -%}
    case
        when {{ earlier }}.stage_number is null then 'first'
        when {{ later }}.quiet_micros is not null then 'went_quiet'
        when {{ earlier }}.quiet_micros is not null then 'returned'
        when {{ later }}.stage_number < {{ earlier }}.stage_number then 'went_back'
        when {{ later }}.stage_number = {{ earlier }}.stage_number + 1 then 'progressed'
        else 'skipped'
    end
{%- endmacro %}
