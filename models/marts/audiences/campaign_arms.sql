{%- set window_micros = 'coalesce(declared.window_micros, ' ~ duration_micros('28 days') ~ ')' -%}

-- the arms that Braze drew: a campaign names who is in its control group,
-- and a Canvas says it of all who enter
with declared as (

    {{ campaign_experiments() }}

),

entries as (

    select
        coalesce(campaign_id, canvas_id) as campaign_id,
        braze_user_id,
        is_in_control,
        event_at
    from {{ ref('stg_braze__campaign_events') }}
    where
        outcome in ('enrolled_in_control', 'entered')
        and not (is_test or is_deleted)
        and event_at <= {{ as_of() }}

),

with_control as (

    select campaign_id
    from entries
    where is_in_control

    union distinct

    select campaign_id
    from declared

),

-- who is in the other arm of a campaign shows by the first message,
-- also by one that was stopped at the last moment: the control group has such people, too
messages as (

    select
        coalesce(campaign_id, canvas_id) as campaign_id,
        braze_user_id,
        canvas_id is null as is_enrolment,
        outcome <> 'aborted' as is_exposure,
        event_at
    from {{ ref('stg_braze__messages') }}
    where
        outcome in ('sent', 'viewed', 'aborted')
        and not (is_test or is_deleted)
        and event_at <= {{ as_of() }}

),

moments as (

    select
        campaign_id,
        braze_user_id,
        case when not is_in_control then event_at end as treated_at,
        case when is_in_control then event_at end as held_out_at,
        cast(null as timestamp) as exposed_at,
        event_at
    from entries

    union all

    select
        campaign_id,
        braze_user_id,
        case when is_enrolment then event_at end as treated_at,
        cast(null as timestamp) as held_out_at,
        case when is_exposure then event_at end as exposed_at,
        event_at
    from messages

),

persons as (

    select record_id, person_id
    from {{ ref('record_persons') }}
    where source = 'braze' and person_id is not null

),

-- of a person with several profiles the earliest enrolment holds
grouped as (

    select
        moments.campaign_id,
        coalesce(persons.person_id, concat('braze:', moments.braze_user_id)) as subject,
        persons.person_id,
        coalesce(declared.experiment, moments.campaign_id) as experiment,
        declared.share,
        {{ window_micros }} as window_micros,
        min(moments.treated_at) as treated_at,
        min(moments.held_out_at) as held_out_at,
        min(moments.exposed_at) as first_exposed_at
    from moments
    inner join with_control on moments.campaign_id = with_control.campaign_id
    left join declared on moments.campaign_id = declared.campaign_id
    left join persons on moments.braze_user_id = persons.record_id
    where declared.since_date is null or {{ local_date('moments.event_at') }} >= declared.since_date
    group by
        moments.campaign_id,
        persons.person_id,
        coalesce(persons.person_id, concat('braze:', moments.braze_user_id)),
        coalesce(declared.experiment, moments.campaign_id), declared.share, {{ window_micros }}

),

final as (

    select
        experiment,
        subject,
        person_id,
        campaign_id,
        case when treated_at is null or held_out_at <= treated_at then 'holdout' else 'treated' end
            as arm,
        least(coalesce(treated_at, held_out_at), coalesce(held_out_at, treated_at)) as assigned_at,
        first_exposed_at,
        share,
        treated_at is not null and held_out_at is not null as is_in_both_arms,
        window_micros
    from grouped
    where treated_at is not null or held_out_at is not null

)

select * from final
