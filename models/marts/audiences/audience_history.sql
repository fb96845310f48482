{{ config(materialized='view') }}

with plans as (

    select plan_id, created_at, as_of, crm_as_of, status
    from {{ ref('stg_sync__plans') }}

),

results as (

    select plan_id, status
    from {{ ref('sync_results') }}

),

plan_counts as (

    select
        plan_id, sync, destination, audience, channel,
        outcome, reason, persons, row_count, rule_version
    from {{ ref('stg_sync__plan_counts') }}

),

run_counts as (

    select plan_id, audience, channel, operation, status, row_count
    from {{ ref('stg_sync__run_counts') }}
    where audience is not null

),

of_audiences as (

    select
        plan_id,
        audience,
        sum(case when outcome = 'candidates' then persons end) as candidates,
        sum(case when outcome = 'members' then persons end) as members,
        max(rule_version) as rule_version
    from plan_counts
    where channel is null
    group by plan_id, audience

),

of_channels as (

    select
        plan_id,
        sync,
        destination,
        audience,
        channel,
        sum(case when outcome in ('wanted', 'held_back') then persons else 0 end) as persons,
        sum(case when outcome = 'wanted' then persons else 0 end) as allowed,
        string_agg(
            case when outcome = 'held_back' then concat(reason, ' ', cast(persons as string)) end,
            ', '
            order by persons desc, reason
        ) as held_back_reasons,
        sum(case when outcome = 'wanted' then row_count else 0 end) as rows_wanted,
        sum(case when outcome = 'add' then row_count else 0 end) as added,
        sum(case when outcome = 'change' then row_count else 0 end) as changed,
        sum(case when outcome = 'remove' then row_count else 0 end) as removed
    from plan_counts
    where channel is not null
    group by plan_id, sync, destination, audience, channel

),

sent as (

    select
        plan_id,
        audience,
        channel,
        {%- for status in ['skipped', 'rejected', 'unknown', 'applied'] %}
        sum(case when status = '{{ status }}' then row_count else 0 end) as {{ status }},
        {%- endfor %}
        sum(case when status in ('accepted', 'applied') then row_count else 0 end) as accepted,
        sum(row_count) as settled,
        sum(case when operation <> 'remove' then row_count else 0 end) as wanted_settled
    from run_counts
    group by plan_id, audience, channel

),

final as (

    select
        -- ids
        of_channels.plan_id,
        of_channels.sync,
        of_channels.destination,
        of_channels.audience,
        of_channels.channel,

        -- strings
        coalesce(results.status, plans.status) as status,
        of_channels.held_back_reasons,
        of_audiences.rule_version,

        -- persons
        cast(coalesce(of_audiences.candidates, of_channels.persons) as int64) as candidates,
        cast(coalesce(of_audiences.members, of_channels.persons) as int64) as size,
        cast(of_channels.persons as int64) as persons_with_row,
        cast(of_channels.allowed as int64) as allowed,
        cast(coalesce(of_audiences.members, of_channels.persons) - of_channels.allowed as int64)
            as held_back,

        -- rows
        cast(of_channels.rows_wanted as int64) as rows_wanted,
        cast(of_channels.rows_wanted - of_channels.added - of_channels.changed as int64)
            as unchanged,
        cast(coalesce(sent.wanted_settled, 0) as int64) as wanted_settled,
        {%- for count in ['added', 'changed', 'removed'] %}
        cast(of_channels.{{ count }} as int64) as {{ count }},
        {%- endfor %}
        {%- for count in ['skipped', 'accepted', 'applied', 'rejected', 'unknown'] %}
        cast(coalesce(sent.{{ count }}, 0) as int64) as {{ count }},
        {%- endfor %}
        cast(
            of_channels.added + of_channels.changed + of_channels.removed
            - coalesce(sent.settled, 0) as int64
        ) as not_sent,

        -- timestamps
        plans.created_at as planned_at,
        plans.as_of,
        plans.crm_as_of
    from of_channels
    inner join plans on of_channels.plan_id = plans.plan_id
    left join results on of_channels.plan_id = results.plan_id
    left join of_audiences
        on of_channels.plan_id = of_audiences.plan_id
        and of_channels.audience = of_audiences.audience
    left join sent
        on of_channels.plan_id = sent.plan_id
        and of_channels.audience = sent.audience
        and of_channels.channel = sent.channel

)

select * from final
