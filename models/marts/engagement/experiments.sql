-- each experiment with its people, and whether its result may be read
with experiments as (

    select 'madang' as source, experiment, share, since_date, until_date, window_micros
    from ({{ holdout_rows() }}) as declared

    union all

    select
        'braze' as source, experiment, share, since_date, cast(null as date) as until_date,
        coalesce(window_micros, {{ duration_micros('28 days') }}) as window_micros
    from ({{ campaign_experiments() }}) as declared

    -- a control group that the list does not have
    union all

    select distinct
        'braze' as source,
        experiment,
        share,
        cast(null as date) as since_date,
        cast(null as date) as until_date,
        window_micros
    from {{ ref('campaign_arms') }}
    where share is null

),

unknown_users as (

    select experiment, count(*) as users_without_person
    from {{ ref('campaign_arms') }}
    where person_id is null
    group by experiment

),

arms as (

    select
        *,
        {{ timestamp_plus('assigned_at', 'window_micros', 'microsecond') }} <= {{ as_of() }}
            as is_over
    from {{ ref('experiment_arms') }}

),

tallied as (

    select
        experiment,
        count(*) as persons,
        count(case when is_in_both_arms then 1 end) as persons_in_both_arms,
        count(case when not is_in_both_arms and not is_over then 1 end) as persons_waiting,
        count(case when not is_in_both_arms and is_over and arm = 'treated' then 1 end)
            as treated_persons,
        count(case when not is_in_both_arms and is_over and arm = 'holdout' then 1 end)
            as holdout_persons,
        count(case when arm = 'treated' and first_exposed_at is not null then 1 end)
            as treated_exposed,
        count(case when is_exposed_holdout then 1 end) as holdout_exposed,
        count(case when first_exposed_at < assigned_at then 1 end) as persons_exposed_before,
        min(case when not is_in_both_arms and is_over then share end) as least_share,
        max(case when not is_in_both_arms and is_over then share end) as largest_share,
        min(assigned_at) as first_assigned_at,
        max(assigned_at) as last_assigned_at
    from arms
    group by experiment

),

with_expected as (

    select
        experiments.source,
        experiments.experiment,
        experiments.share,
        experiments.since_date,
        experiments.until_date,
        experiments.window_micros,
        tallied.first_assigned_at,
        tallied.last_assigned_at,
        tallied.least_share,
        tallied.largest_share,
        coalesce(tallied.persons, 0) as persons,
        coalesce(unknown_users.users_without_person, 0) as users_without_person,
        coalesce(tallied.persons_in_both_arms, 0) as persons_in_both_arms,
        coalesce(tallied.persons_waiting, 0) as persons_waiting,
        coalesce(tallied.treated_persons, 0) as treated_persons,
        coalesce(tallied.holdout_persons, 0) as holdout_persons,
        coalesce(tallied.treated_exposed, 0) as treated_exposed,
        coalesce(tallied.holdout_exposed, 0) as holdout_exposed,
        coalesce(tallied.persons_exposed_before, 0) as persons_exposed_before,
        (tallied.treated_persons + tallied.holdout_persons) * tallied.least_share / 100
            as expected_holdouts,
        (tallied.treated_persons + tallied.holdout_persons) * (1 - tallied.least_share / 100)
            as expected_treated
    from experiments
    left join tallied on experiments.experiment = tallied.experiment
    left join unknown_users on experiments.experiment = unknown_users.experiment

),

-- one degree of freedom: the root of chi-squared is a standard normal
compared as (

    select
        *,
        (holdout_persons - expected_holdouts)
        * sqrt(1 / nullif(expected_holdouts, 0) + 1 / nullif(expected_treated, 0)) as sample_ratio_z
    from with_expected

),

tested as (

    select *, {{ normal_p_value('sample_ratio_z') }} as sample_ratio_p
    from compared

),

final as (

    select
        source,
        experiment,
        case
            when persons = 0 then 'no_persons'
            when treated_persons + holdout_persons = 0 then 'waiting'
            when treated_persons = 0 or holdout_persons = 0 then 'empty_arm'
            when share is null then 'unknown_share'
            when least_share < largest_share then 'share_changed'
            when sample_ratio_p < 0.001 then 'sample_ratio'
            when treated_persons < 30 or holdout_persons < 30 then 'too_few'
            else 'measured'
        end as status,
        share,
        since_date,
        until_date,
        window_micros,
        persons,
        users_without_person,
        persons_in_both_arms,
        persons_waiting,
        treated_persons,
        holdout_persons,
        {{ six_decimals('expected_holdouts') }} as expected_holdouts,
        case when least_share = largest_share then {{ six_decimals('sample_ratio_p') }} end
            as sample_ratio_p,
        treated_exposed,
        holdout_exposed,
        persons_exposed_before,
        first_assigned_at,
        last_assigned_at
    from tested

)

select * from final
