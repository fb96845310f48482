{#
    Conditions of audiences on what people are: how far they came in a funnel, which stage they are
    in, moments of customers, membership of other audiences. Each becomes rows of evidence. Only
    kinds that some rule asks for are in the SQL.
#}

{# The conditions on states of all rules: {audience, part, rule, kind}. #}
{% macro audience_states() %}
    {% set found = [] %}
    {% for name, spec in audience_specs().items() %}
        {% for part in audience_parts_of(spec.rule) if is_state(part) %}
            {% set kind = ['funnel', 'in_stage', 'score', 'has'] | select('in', part) | first %}
            {% do found.append({'audience': name, 'part': none, 'rule': part, 'kind': kind}) %}
        {% endfor %}
        {% set numbers = [] %}
        {% for part in audience_parts_of(spec.rule) %}
            {% if is_state(part) %}{% do numbers.append(loop.index) %}{% endif %}
        {% endfor %}
        {% for state in found if state.audience == name %}
            {% do state.update({'part': numbers[loop.index0]}) %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    The rows of audience_evidence for conditions on states. `activities` is how many rows hold;
    none of them is an activity that the rule counts.
#}
{% macro evidence_of_states(states) -%}
    {%- set kinds = ['funnel', 'in_stage', 'score', 'has']
        | select('in', states | map(attribute='kind') | list) | list -%}
    select
        audience,
        part_number,
        min(state) as action,
        subject_id,
        min(person_id) as person_id,
        count(*) as activities,
        0 as counted_activities,
        min(began_at) as first_at,
        cast(null as timestamp) as last_at,
        cast(null as timestamp) as ended_at,
        true as holds
    from (
        {%- for kind in kinds %}
        {%- set of_kind = states | selectattr('kind', 'equalto', kind) | list %}
        {{ states_in_funnels(of_kind) if kind == 'funnel'
            else states_in_stages(of_kind) if kind == 'in_stage'
            else states_in_scores(of_kind) if kind == 'score'
            else moments_of_customers(of_kind) }}
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as states
    group by audience, part_number, subject_id
{%- endmacro %}


{#
    Entries in a funnel that are in one of the states, at one of the steps,
    and were there before a moment.
#}
{% macro states_in_funnels(states) -%}
    {%- set rows = [] -%}
    {%- for one in states -%}
        {%- for state in value_texts(one.rule.get('state', ['open', 'lost', 'converted'])) -%}
            {%- for step in (value_texts(one.rule.step) if 'step' in one.rule else [none]) -%}
                {%- do rows.append([
                    text_literal(one.audience),
                    one.part,
                    text_literal(one.rule.funnel),
                    text_literal(state),
                    text_literal(step) if step else 'null',
                    before_as_of(one.rule['for']) if 'for' in one.rule else 'null',
                ]) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    select
        wanted.audience,
        wanted.part_number,
        concat('funnel ', entries.funnel) as state,
        entries.subject_id,
        entries.person_id,
        steps.reached_at as began_at
    from {{ ref('funnel_entries') }} as entries
    inner join {{ ref('funnel_steps') }} as steps
        on entries.entry_key = steps.entry_key and steps.is_last_step
    inner join (
        {{ rows_of(
            {
                'audience': 'string', 'part_number': 'int64', 'funnel': 'string', 'state': 'string',
                'step': 'string', 'reached_until': 'timestamp'
            },
            rows
        ) }}
    ) as wanted
        on entries.funnel = wanted.funnel
        and entries.state = wanted.state
        and (wanted.step is null or steps.step = wanted.step)
        and (wanted.reached_until is null or steps.reached_at <= wanted.reached_until)
{%- endmacro %}


{# Persons who are in a stage, for so long at least. #}
{% macro states_in_stages(states) -%}
    {%- set rows = [] -%}
    {%- for one in states -%}
        {%- for stage in value_texts(one.rule.in_stage) -%}
            {%- do rows.append([
                text_literal(one.audience),
                one.part,
                text_literal(one.rule.journey) if 'journey' in one.rule else 'null',
                text_literal(stage),
                before_as_of(one.rule.stuck_for) if 'stuck_for' in one.rule else 'null',
            ]) -%}
        {%- endfor -%}
    {%- endfor -%}
    select
        wanted.audience,
        wanted.part_number,
        concat('stage ', stages.stage) as state,
        stages.person_id as subject_id,
        stages.person_id,
        stages.entered_at as began_at
    from {{ ref('person_stages') }} as stages
    inner join (
        {{ rows_of(
            {
                'audience': 'string', 'part_number': 'int64', 'journey': 'string',
                'stage': 'string', 'entered_until': 'timestamp'
            },
            rows
        ) }}
    ) as wanted
        on (wanted.journey is null or stages.journey = wanted.journey)
        and stages.stage = wanted.stage
        and (wanted.entered_until is null or stages.entered_at <= wanted.entered_until)
    where stages.left_at is null
{%- endmacro %}


{# Persons whose score is in one of the bands. It began when the score was made. #}
{% macro states_in_scores(states) -%}
    {%- set rows = [] -%}
    {%- for one in states -%}
        {%- for band in value_texts(one.rule.band) -%}
            {%- do rows.append([
                text_literal(one.audience), one.part,
                text_literal(one.rule.score), text_literal(band)
            ]) -%}
        {%- endfor -%}
    {%- endfor -%}
    select
        wanted.audience,
        wanted.part_number,
        concat('score ', scores.model) as state,
        scores.person_id as subject_id,
        scores.person_id,
        scores.as_of as began_at
    from {{ ref('scores') }} as scores
    inner join (
        {{ rows_of(
            {'audience': 'string', 'part_number': 'int64', 'score': 'string', 'band': 'string'},
            rows
        ) }}
    ) as wanted
        on scores.model = wanted.score and scores.band = wanted.band
{%- endmacro %}


{# Persons with a moment in customers that a rule asks for. #}
{% macro moments_of_customers(states) -%}
    {%- for one in states -%}
    {%- set column, tests = one.rule.has, [] -%}
    {%- for key, sign in {'from': '>=', 'before': '<'}.items() if key in one.rule -%}
        {%- do tests.append(
            (local_date(column) | trim) ~ ' ' ~ sign ~ " date '" ~ one.rule[key] ~ "'"
        ) -%}
    {%- endfor -%}
    {%- for key, sign in {'within': '>', 'not_within': '<='}.items() if key in one.rule -%}
        {%- do tests.append(column ~ ' ' ~ sign ~ ' ' ~ before_as_of(one.rule[key])) -%}
    {%- endfor %}
    select
        {{ text_literal(one.audience) }} as audience,
        {{ one.part }} as part_number,
        {{ text_literal(column) }} as state,
        person_id as subject_id,
        person_id,
        {{ column }} as began_at
    from {{ ref('customers') }}
    where {{ tests | join(' and ') }}
    {{ 'union all' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{#
    The audiences in the order in which they can be built:
    each after those that it asks for, in levels. Stops a build where one asks for itself.
#}
{% macro audience_levels(specs) %}
    {% set levels, done = [], [] %}
    {% for _ in range(specs | length) %}
    {% if done | length < specs | length %}
        {% set level = [] %}
        {% for name, spec in specs.items() if name not in done %}
            {% if audiences_asked_for(spec.rule) | reject('in', done) | list | length == 0 %}
                {% do level.append(name) %}
            {% endif %}
        {% endfor %}
        {% if not level %}
            {% set waiting = specs.keys() | reject('in', done) | sort | join(', ') %}
            {% do exceptions.raise_compiler_error(
                "These audiences ask for each other in a circle, or for one that does not exist: "
                ~ waiting ~ ". See in_audience and priority in their rules."
            ) %}
        {% endif %}
        {% do levels.append(level) %}
        {% do done.extend(level) %}
    {% endif %}
    {% endfor %}
    {{ return(levels or [[]]) }}
{% endmacro %}


{# The other audiences that a rule asks for. #}
{% macro audiences_asked_for(rule) %}
    {% set found = [] %}
    {% for part in audience_parts_of(rule) if 'in_audience' in part %}
        {% do found.extend(value_texts(part.in_audience)) %}
    {% endfor %}
    {{ return(found | unique | list) }}
{% endmacro %}


{# An audience of a priority list leaves out people who are in one before it. #}
{% macro audiences_by_priority(specs) %}
    {% set found = {} %}
    {% for name, spec in specs.items() %}
        {% set before = [] %}
        {% for other, its in specs.items()
            if 'priority' in spec and 'priority' in its and other != name %}
            {% if its.priority.list == spec.priority.list
                and its.priority.place < spec.priority.place %}
                {% do before.append(other) %}
            {% endif %}
        {% endfor %}
        {% do found.update({
            name: dict(spec, rule={'all': [spec.rule, {'not': {'in_audience': before}}]})
            if before else spec
        }) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    Evidence for conditions on other audiences: one row a condition and candidate of theirs.
    With `contactable`, only those who may be contacted for that audience.
#}
{% macro evidence_of_audiences(names, candidates) -%}
    {%- set specs = audience_specs() -%}
    {%- set rows, others = [], {} -%}
    {%- for name in names -%}
        {%- for part in audience_parts_of(specs[name].rule) -%}
            {%- set number = loop.index -%}
            {%- for other in (value_texts(part.in_audience) if 'in_audience' in part else []) -%}
                {%- set is_contactable = part.get('contactable', false) -%}
                {%- do rows.append(
                    [text_literal(name), number, text_literal(other), is_contactable]
                ) -%}
                {%- if is_contactable %}{% do others.update({other: specs[other]}) %}{% endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    select distinct
        wanted.audience,
        wanted.part_number,
        known.subject_id,
        known.person_id,
        0 as counted_activities,
        cast(null as timestamp) as last_at,
        true as holds
    from {{ candidates }} as known
    inner join (
        {{ rows_of(
            {
                'audience': 'string', 'part_number': 'int64',
                'other': 'string', 'is_contactable': 'bool'
            },
            rows
        ) }}
    ) as wanted
        on known.audience = wanted.other
    {%- if others %}
    {%- set channels = [] -%}
    {%- for one in audience_consents(others) if one.is_first_purpose -%}
        {%- do channels.append(
            [text_literal(one.audience), text_literal(one.channel), text_literal(one.purpose)]
        ) -%}
    {%- endfor %}
    left join (
        select distinct channels.audience, contactability.person_id
        from {{ ref('contactability') }} as contactability
        inner join (
            {{ rows_of(
                {'audience': 'string', 'channel': 'string', 'purpose': 'string'}, channels
            ) }}
        ) as channels
            on contactability.channel = channels.channel
            and contactability.purpose = channels.purpose
        where contactability.reason = 'allowed'
    ) as allowed
        on known.audience = allowed.audience and known.person_id = allowed.person_id
    where not wanted.is_contactable or allowed.person_id is not null
    {%- endif %}
{%- endmacro %}
