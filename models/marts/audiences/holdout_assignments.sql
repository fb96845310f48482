{{ config(materialized='append_when_changed', schema='history') }}

{%- set log = logged() %}

-- which persons come into an experiment now, and into which arm;
-- a log, so that a later share or anchor moves no person
with experiments as (

    select *
    from ({{ holdout_rows() }}) as declared
    where {{ is_holdout_on(local_date(as_of())) }}

),

identifiers as (

    select identifier_key, person_id
    from {{ ref('person_identifiers') }}

),

-- who came into an experiment before, by the identity of now
assigned as (

    {% if log is none -%}
    select
        experiments.experiment,
        experiments.salt,
        identifiers.person_id,
        '' as arm,
        {{ as_of() }} as assigned_at,
        identifiers.identifier_key as anchor_key
    from experiments
    cross join identifiers
    where false
    {%- else -%}
    select
        logged.experiment, logged.salt, identifiers.person_id,
        logged.arm, logged.assigned_at, logged.anchor_key
    from {{ log }} as logged
    inner join identifiers on logged.anchor_key = identifiers.identifier_key
    {%- endif %}

),

already_assigned as (

    select
        experiment,
        salt,
        person_id,
        {{ first_by('arm', "concat(cast(assigned_at as string), ' ', anchor_key)") }} as arm
    from assigned
    group by experiment, salt, person_id

),

-- a person comes in once a message could be sent:
-- whoever may not be contacted is held back in either arm
reachable as (

    select distinct of_audiences.experiment, candidates.person_id
    from {{ ref('audience_candidates') }} as candidates
    inner join ({{ holdout_audience_rows() }}) as of_audiences
        on candidates.audience = of_audiences.audience
    inner join ({{ audience_consent_rows(audience_specs()) }}) as wanted
        on candidates.audience = wanted.audience
    inner join {{ ref('contactability') }} as contactability
        on candidates.person_id = contactability.person_id
        and wanted.channel = contactability.channel
        and wanted.purpose = contactability.purpose
    where contactability.is_allowed

),

newcomers as (

    select
        experiments.experiment,
        experiments.salt,
        experiments.share,
        reachable.person_id,
        {{ holdout_arm('experiments.salt', 'reachable.person_id', 'experiments.share') }} as arm
    from reachable
    inner join experiments on reachable.experiment = experiments.experiment
    left join already_assigned
        on experiments.experiment = already_assigned.experiment
        and experiments.salt = already_assigned.salt
        and reachable.person_id = already_assigned.person_id
    where already_assigned.person_id is null

),

-- who is held out of all audiences tells nothing of one of them
held_out_of_all as (

    select person_id
    from newcomers
    where experiment = '{{ global_experiment() }}' and arm = 'holdout'

    union distinct

    select already_assigned.person_id
    from already_assigned
    inner join experiments
        on already_assigned.experiment = experiments.experiment
        and already_assigned.salt = experiments.salt
    where
        already_assigned.experiment = '{{ global_experiment() }}'
        and already_assigned.arm = 'holdout'

),

final as (

    select
        newcomers.experiment,
        newcomers.salt,
        newcomers.person_id as anchor_key,
        newcomers.arm,
        newcomers.share,
        {{ as_of() }} as assigned_at
    from newcomers
    left join held_out_of_all on newcomers.person_id = held_out_of_all.person_id
    where newcomers.experiment = '{{ global_experiment() }}' or held_out_of_all.person_id is null

)

select * from final
