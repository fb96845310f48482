{{ config(materialized='view') }}
{%- set of_persons = [
    'matched', 'identified', 'permitted', 'not_suppressed', 'contactable', 'has_key', 'fresh'
] -%}
{%- set of_rows = ['rows', 'planned', 'sent', 'accepted', 'applied'] -%}
{%- set numbered = [] -%}
{%- for step in of_persons + of_rows -%}
    {%- set unit = 'persons' if step in of_persons else 'rows' -%}
    {%- do numbered.append([loop.index0, text_literal(step), text_literal(unit)]) -%}
{%- endfor %}

with history as (

    select
        plan_id,
        sync,
        destination,
        audience,
        channel,
        candidates,
        size,
        persons_with_row,
        rows_wanted,
        unchanged,
        wanted_settled
    from {{ ref('audience_history') }}

),

-- without what is taken away there
sent as (

    select plan_id, audience, channel, status, reason, row_count
    from {{ ref('stg_sync__run_counts') }}
    where audience is not null and operation <> 'remove'

),

steps as (

    {{ rows_of({'place': 'int64', 'step': 'string', 'unit': 'string'}, numbered) }}

),

-- each loss, with the step that it keeps from
losses as (

    {% for step, reason, lost in [
        ('identified', 'anonymous', 'candidates - size'),
        ('has_key', 'shares_a_key', 'size - persons_with_row'),
        ('planned', 'there_already', 'unchanged'),
        ('sent', 'not_sent', 'rows_wanted - unchanged - wanted_settled'),
    ] -%}
    select
        plan_id, audience, channel, '{{ step }}' as step,
        '{{ reason }}' as reason, {{ lost }} as counted
    from history

    union all

    {% endfor -%}
    select
        held_back.plan_id,
        held_back.audience,
        held_back.channel,
        case
            when starts_with(held_back.reason, 'late_') then 'fresh'
            else coalesce(reasons.step, 'not_suppressed')
        end as step,
        held_back.reason,
        held_back.persons as counted
    from {{ ref('stg_sync__plan_counts') }} as held_back
    left join {{ list_of('waterfall_losses') }} as reasons on held_back.reason = reasons.reason
    where held_back.outcome = 'held_back'

    union all

    select
        plan_id,
        audience,
        channel,
        case status when 'skipped' then 'sent' when 'accepted' then 'applied' else 'accepted' end
            as step,
        case status
            when 'accepted' then 'not_known'
            when 'unknown' then 'unknown'
            else coalesce(reason, status)
        end as reason,
        row_count as counted
    from sent
    where status <> 'applied'

),

placed as (

    select
        losses.plan_id,
        losses.audience,
        losses.channel,
        steps.place,
        steps.unit,
        losses.reason,
        sum(losses.counted) as counted
    from losses
    inner join steps on losses.step = steps.step
    group by losses.plan_id, losses.audience, losses.channel, steps.place, steps.unit, losses.reason
    having sum(losses.counted) <> 0

),

kept as (

    select
        history.plan_id,
        history.audience,
        history.channel,
        steps.place,
        2 * steps.place + 1 as step_number,
        steps.unit,
        steps.step,
        cast(null as string) as reason,
        max(case steps.unit when 'persons' then history.candidates else history.rows_wanted end)
        - coalesce(sum(placed.counted), 0) as counted
    from history
    cross join steps
    left join placed
        on history.plan_id = placed.plan_id
        and history.audience = placed.audience
        and history.channel = placed.channel
        and steps.unit = placed.unit
        and steps.place >= placed.place
    group by history.plan_id, history.audience, history.channel, steps.place, steps.unit, steps.step

),

final as (

    select
        lines.plan_id, history.sync, history.destination, lines.audience, lines.channel,
        lines.step_number, lines.step, lines.unit, lines.reason,
        cast(lines.counted as int64) as counted
    from (
        select *
        from kept
        union all
        select
            plan_id, audience, channel, place, 2 * place as step_number,
            unit, 'lost' as step, reason, counted
        from placed
    ) as lines
    inner join history
        on lines.plan_id = history.plan_id
        and lines.audience = history.audience
        and lines.channel = history.channel

)

select * from final
