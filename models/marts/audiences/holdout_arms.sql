-- who is in which arm, by the identity of now:
-- of a person who was several, the earliest assignment holds
with experiments as (

    {{ holdout_rows() }}

),

assigned as (

    select
        assignments.experiment,
        identifiers.person_id,
        assignments.arm,
        assignments.share,
        assignments.assigned_at,
        experiments.since_date,
        experiments.until_date,
        experiments.window_micros,
        row_number() over (
            partition by assignments.experiment, identifiers.person_id
            order by assignments.assigned_at, assignments.anchor_key
        ) as place,
        count(*) over (partition by assignments.experiment, identifiers.person_id) as assignments,
        count(case when assignments.arm = 'holdout' then 1 end)
            over (partition by assignments.experiment, identifiers.person_id) as holdouts
    from {{ ref('holdout_assignments') }} as assignments
    inner join experiments
        on assignments.experiment = experiments.experiment
        and assignments.salt = experiments.salt
    inner join {{ ref('person_identifiers') }} as identifiers
        on assignments.anchor_key = identifiers.identifier_key

),

final as (

    select
        experiment,
        person_id,
        arm,
        assigned_at,
        share,
        holdouts > 0 and holdouts < assignments as is_in_both_arms,
        arm = 'holdout' and {{ is_holdout_on(as_of_day()) }} as is_held_out,
        window_micros
    from assigned
    where place = 1

)

select * from final
