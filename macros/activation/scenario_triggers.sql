{#
    The triggers that a sync with `scenarios` sends: those that are ready, each with the channel
    that the sync names for its scenario. They belong to no audience. So consent counts, the
    holdout of all audiences, and the caps (docs/stages.md).

    Beside the trigger's own columns there are channel, campaign_id, canvas_id, purpose,
    held_back_reason, is_night_allowed, is_main_address, late_source and audience (both null),
    trigger_reason, and message_place, the scenario's place in the exposure. The trigger_reason
    says why the trigger itself is not sent: its time is over, or it was sent before.
#}
{% macro sync_scenario_triggers() -%}
    {%- set rule = madang.sync_rule() -%}
    {%- set known = madang.scenario_specs() | map(attribute='name') | list -%}
    {%- set rows = [] -%}
    {%- set columns = {
        'scenario': 'string', 'channel': 'string', 'campaign_id': 'string', 'canvas_id': 'string',
        'message_place': 'int64'
    } -%}
    {%- for scenario, sent in rule.get('scenarios', {}).items() -%}
        {%- if scenario not in known -%}
            {%- do exceptions.raise_compiler_error(
                "The sync that sends " ~ model.name ~ " names the scenario '" ~ scenario
                ~ "', which does not exist. Scenarios: " ~ (known | sort | join(', ') or 'none')
                ~ '.'
            ) -%}
        {%- endif -%}
        {%- do rows.append([
            madang.text_literal(scenario),
            madang.text_literal(sent.channel),
            madang.text_literal(sent.campaign_id) if sent.get('campaign_id') else 'null',
            madang.text_literal(sent.canvas_id) if sent.get('canvas_id') else 'null',
            loop.index,
        ]) -%}
    {%- endfor -%}
    select
        triggers.*,
        sent.channel,
        sent.campaign_id,
        sent.canvas_id,
        sent.message_place,
        '{{ rule.get('purpose', 'marketing') }}' as purpose,
        {{ madang.permit_reason(
            'contactability.reason', 'held_out.person_id', 'capped.person_id'
        ) }} as held_back_reason,
        coalesce(contactability.is_night_allowed, false) as is_night_allowed,
        contactability.is_main_address,
        cast(null as string) as late_source,
        cast(null as string) as audience,
        case
            when triggers.usable_until <= {{ madang.as_of() }} then 'expired'
            when sent_before.trigger_key is not null then 'sent_before'
        end as trigger_reason
    from {{ ref('scenario_triggers') }} as triggers
    inner join (
        {{ madang.rows_of(columns, rows) }}
    ) as sent on triggers.scenario = sent.scenario
    left join {{ ref('contactability') }} as contactability
        on triggers.person_id = contactability.person_id
        and sent.channel = contactability.channel
        and contactability.purpose = '{{ rule.get('purpose', 'marketing') }}'
    left join (
        select person_id
        from {{ ref('holdout_arms') }}
        where experiment = '{{ madang.global_experiment() }}' and is_held_out
    ) as held_out on triggers.person_id = held_out.person_id
    left join {{ ref('capped_people') }} as capped
        on triggers.person_id = capped.person_id
        and sent.channel = capped.channel
        and '{{ rule.get('purpose', 'marketing') }}' = 'marketing'
    left join (
        {{ madang.triggers_sent_before() }}
    ) as sent_before on triggers.trigger_key = sent_before.trigger_key
    where triggers.state = 'ready'
{%- endmacro %}


{#
    Triggers of stages that were sent, or may have been, under an earlier person_id. What was sent
    before the stay began was for another stay.
#}
{% macro triggers_sent_before() -%}
    select distinct former.trigger_key
    from (
        {{ madang.former_triggers() }}
    ) as former
    inner join {{ ref('stg_sync__deliveries') }} as deliveries
        on deliveries.recorded_at >= former.started_at
        and deliveries.status in ('accepted', 'unknown')
        and deliveries.sync in ({{ madang.sync_names() }})
        and deliveries.sync_key = former.former_key
    where former.state = 'ready'
{%- endmacro %}


{#
    The keys that triggers of stages had under an earlier person_id, as former_key: a stay in a
    stage gets another key when its person is merged.
#}
{% macro former_triggers() -%}
    select
        triggers.trigger_key,
        triggers.scenario,
        triggers.person_id,
        triggers.started_at,
        triggers.state,
        {{ madang.surrogate_key([
            'triggers.scenario',
            madang.surrogate_key(['stages.journey', 'former.identifier_key', 'stages.visit'])
        ]) }} as former_key
    from {{ ref('scenario_triggers') }} as triggers
    inner join {{ ref('person_stages') }} as stages on triggers.person_id = stages.person_id
    inner join {{ ref('person_identifiers') }} as former
        on triggers.person_id = former.person_id
        and triggers.person_id <> former.identifier_key
    where triggers.stage is not null
{%- endmacro %}
