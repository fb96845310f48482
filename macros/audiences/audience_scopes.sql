{#
    Parts of audience rules that one session, or one event, must meet: `scope: session | event`
    beside all, any or did. What was done is counted for each session. The rule inside is a boolean
    over each, and the part holds for subjects with one session that meets it.

    Only scopes that some rule asks for are in the SQL.
#}

{# The scope of a part: session or event; none where it is the person. #}
{% macro scope_of(part) %}
    {% set said = part.get('scope', 'person') %}
    {{ return(none if said == 'person' else said) }}
{% endmacro %}


{#
    The parts with a scope of all rules: {audience, part, last, scope, rule}. The numbers of a
    part's own parts go from `part` to `last`.
#}
{% macro audience_scopes() %}
    {% set found = [] %}
    {% for name, spec in audience_specs().items() %}
        {% for part in audience_parts_of(spec.rule) %}
            {% if scope_of(part) %}
                {% do found.append({
                    'audience': name,
                    'part': loop.index,
                    'last': loop.index + audience_parts_of(part) | length - 1,
                    'scope': scope_of(part),
                    'rule': part,
                }) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# The scope within which a `did` is counted; none where it is the person. #}
{% macro scope_of_did(did, scopes) %}
    {% for one in scopes if one.audience == did.audience and one.part <= did.part <= one.last %}
        {{ return(one.scope) }}
    {% endfor %}
    {{ return(none) }}
{% endmacro %}


{#
    Matched activities with the session or event within which they count, as `scope_key`. It is an
    empty text where the scope is the person. An activity of no session has no key, so it meets
    nothing that one session must meet. One event of GA4 can be several activities. A record of
    another source is one event.
#}
{% macro scoped_activities(matched, dids) -%}
    {%- set scopes = dids | map(attribute='scope') | list -%}
    select
        matched.*,
        case matched.scope
            {%- if 'session' in scopes %}
            when 'session' then matched.session_key
            {%- endif %}
            {%- if 'event' in scopes %}
            when 'event' then coalesce(events.event_key, matched.activity_id)
            {%- endif %}
            else ''
        end as scope_key
    from {{ matched }} as matched
    {%- if 'event' in scopes %}
    left join {{ ref('actions') }} as events on matched.activity_id = events.action_key
    {%- endif %}
{%- endmacro %}


{#
    One row per part inside a scope, and the scope itself: its row's number, whether it is a `did`,
    and its `action` in audience_evidence.
#}
{% macro scope_part_rows(scopes) -%}
    {%- set rows = [] -%}
    {%- for one in scopes -%}
        {%- for part in audience_parts_of(one.rule) -%}
            {%- set kind = ['any', 'all', 'not', 'did'] | select('in', part) | first -%}
            {%- set counted = part.then[-1] if part.get('then') else part -%}
            {%- do rows.append([
                rows | length + 1,
                text_literal(one.audience),
                one.part + loop.index0,
                one.part,
                text_literal(counted.did if kind == 'did' else kind ~ ' in one ' ~ one.scope),
                kind == 'did',
            ]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ rows_of({
        'part_row': 'int64', 'audience': 'string', 'part_number': 'int64',
        'scope_part': 'int64', 'action': 'string', 'is_did': 'bool'
    }, rows) }}
{%- endmacro %}


{#
    The parts that each session or event meets, of subjects that did something of the scope. `parts`
    are the rows of scope_part_rows, `counted` what was counted for each `did`.
#}
{% macro scope_parts_met(counted, parts, scopes) -%}
    {%- set numbers, undone, cases = [], [], [] -%}
    {%- for one in scopes -%}
        {%- for part in audience_parts_of(one.rule) -%}
            {%- set number = one.part + loop.index0 -%}
            {%- if 'did' in part %}
                {% do (undone if holds_undone(part) else numbers).append(number) %}
            {% endif -%}
            {%- set inside = {} -%}
            {%- for key, said in part.items() if key not in ['scope', 'in_scope'] %}
                {% do inside.update({key: said}) %}
            {% endfor -%}
            {%- do cases.append(
                'when ' ~ (cases | length + 1) ~ ' then '
                ~ audience_boolean(inside, 'met', none, number)[0]
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    select
        met.*,
        parts.part_number,
        parts.action,
        parts.is_did,
        case parts.part_row
            {{ cases | join('\n            ') }}
        end as holds
    from (
        select
            done.audience,
            parts.scope_part,
            done.subject_id,
            done.scope_key,
            min(done.person_id) as person_id,
            {%- for number in numbers | unique | sort %}
            {{ any_true('done.holds and done.part_number = ' ~ number) }} as met_{{ number }},
            {%- endfor %}
            {%- for number in undone | unique | sort %}
            {{ any_true('not done.holds and done.part_number = ' ~ number) }}
                as failed_{{ number }},
            {%- endfor %}
            min(done.first_at) as first_at,
            max(done.last_at) as last_at
        from {{ counted }} as done
        inner join {{ parts }} as parts
            on done.audience = parts.audience and done.part_number = parts.part_number
        where done.scope_key <> ''
        group by done.audience, parts.scope_part, done.subject_id, done.scope_key
    ) as met
    inner join {{ parts }} as parts
        on met.audience = parts.audience and met.scope_part = parts.scope_part
{%- endmacro %}


{#
    The rows of audience_evidence for parts inside scopes. A `did` has what was done in all
    sessions, and holds if one session had enough. Any other part has the number of sessions that
    meet it.
#}
{% macro evidence_of_scopes(met, counted) -%}
    select
        met.audience,
        met.part_number,
        met.action,
        met.subject_id,
        min(met.person_id) as person_id,
        cast(sum(
            case when met.is_did then coalesce(done.activities, 0) when met.holds then 1 else 0 end
        ) as int64) as activities,
        cast(sum(coalesce(done.counted_activities, 0)) as int64) as counted_activities,
        min(case when met.is_did then done.first_at when met.holds then met.first_at end)
            as first_at,
        max(case when met.is_did then done.last_at when met.holds then met.last_at end) as last_at,
        cast(null as timestamp) as ended_at,
        {{ any_true('met.holds') }} as holds
    from {{ met }} as met
    left join {{ counted }} as done
        on met.audience = done.audience
        and met.part_number = done.part_number
        and met.subject_id = done.subject_id
        and met.scope_key = done.scope_key
    where done.audience is not null or (met.holds and not met.is_did)
    group by met.audience, met.part_number, met.action, met.subject_id
{%- endmacro %}
