-- empty but in the build of 'madang funnel compare',
-- where funnel_entries has the variants of one funnel
with rules as (

    {{ funnel_variant_rows() }}

),

results as (

    select
        funnel as variant,
        subject_id,
        count(*) as entries,
        count(case when state = 'converted' then 1 end) as conversions,
        max(step_reached) as step_reached
    from {{ ref('funnel_entries') }}
    where funnel = 'own' or funnel in (select variant from rules)
    group by funnel, subject_id

),

subjects as (

    select distinct subject_id
    from results

),

-- what each rule, or the whole preset, makes of each subject
outcomes as (

    select
        rules.funnel,
        rules.preset,
        rules.rule,
        subjects.subject_id,
        coalesce(results.entries, 0) as entries,
        coalesce(results.conversions, 0) as conversions,
        coalesce(results.step_reached, 0) as step_reached
    from rules
    cross join subjects
    left join results
        on rules.variant = results.variant
        and subjects.subject_id = results.subject_id

),

differing as (

    select
        outcomes.funnel,
        outcomes.preset,
        outcomes.subject_id,
        coalesce(own.entries, 0) as own_entries,
        coalesce(own.conversions, 0) as own_conversions,
        coalesce(own.step_reached, 0) as own_step_reached,
        outcomes.entries,
        outcomes.conversions,
        outcomes.step_reached
    from outcomes
    left join results as own
        on outcomes.subject_id = own.subject_id
        and own.variant = 'own'
    where
        outcomes.rule = ''
        and (
            outcomes.entries <> coalesce(own.entries, 0)
            or outcomes.conversions <> coalesce(own.conversions, 0)
            or outcomes.step_reached <> coalesce(own.step_reached, 0)
        )

),

-- the rules that alone make what the preset makes
explained as (

    select
        differing.funnel,
        differing.preset,
        differing.subject_id,
        string_agg(outcomes.rule, ', ' order by outcomes.rule) as made_by
    from differing
    inner join outcomes
        on differing.preset = outcomes.preset
        and differing.subject_id = outcomes.subject_id
        and differing.entries = outcomes.entries
        and differing.conversions = outcomes.conversions
        and differing.step_reached = outcomes.step_reached
    where outcomes.rule <> ''
    group by differing.funnel, differing.preset, differing.subject_id

),

final as (

    select
        differing.*,
        coalesce(explained.made_by, 'several together') as made_by
    from differing
    left join explained
        on differing.preset = explained.preset
        and differing.subject_id = explained.subject_id

)

select * from final
