-- what became of people after they came into an experiment, beside the time before;
-- who has neither has no row
with arms as (

    select
        experiment,
        person_id,
        arm,
        assigned_at,
        {{ timestamp_plus('assigned_at', '(0 - window_micros)', 'microsecond') }} as counted_from,
        {{ timestamp_plus('assigned_at', 'window_micros', 'microsecond') }} as counted_until
    from {{ ref('experiment_arms') }}
    where not is_in_both_arms

),

verified as (

    select person_id, conversion_type, converted_at, verified_value
    from {{ ref('conversions') }}
    where person_id is not null and verified_state = 'verified'

),

summed as (

    select
        arms.experiment,
        arms.person_id,
        arms.arm,
        verified.conversion_type,
        count(case when verified.converted_at >= arms.assigned_at then 1 end) as conversions,
        round(sum(
            case
                when verified.converted_at >= arms.assigned_at
                    then coalesce(verified.verified_value, 0e0)
            end
        ), 4) as value_after,
        count(case when verified.converted_at < arms.assigned_at then 1 end) as conversions_before,
        round(sum(
            case
                when verified.converted_at < arms.assigned_at
                    then coalesce(verified.verified_value, 0e0)
            end
        ), 4) as value_before
    from arms
    inner join verified
        on arms.person_id = verified.person_id
        and arms.counted_from <= verified.converted_at
        and arms.counted_until > verified.converted_at
    where arms.counted_until <= {{ as_of() }}
    group by arms.experiment, arms.person_id, arms.arm, verified.conversion_type

),

final as (

    select
        experiment,
        person_id,
        arm,
        conversion_type,
        conversions,
        coalesce(value_after, 0) as value,
        conversions_before,
        coalesce(value_before, 0) as value_before
    from summed

)

select * from final
