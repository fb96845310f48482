{%- set fields = [] -%}
{%- for one in audience_consents(audience_specs()) -%}
    {%- for field in [
        one.audience,
        'madang_' ~ one.audience ~ '_' ~ one.channel,
        'Madang_' ~ one.audience ~ '_' ~ one.channel ~ '__c'
    ] -%}
        {%- do fields.append([text_literal(one.audience), text_literal(field)]) -%}
    {%- endfor -%}
{%- endfor -%}

-- who is in which arm of Madang's holdouts and of Braze's control groups,
-- and when the person was first sent something
with arms as (

    select
        experiment, person_id, arm, assigned_at, share, is_in_both_arms, is_held_out, window_micros
    from {{ ref('holdout_arms') }}

),

deliveries as (

    select sync_key, field, recorded_at
    from {{ ref('stg_sync__deliveries') }}
    where status in ('accepted', 'applied') and operation <> 'remove'

),

-- a key is a customer number, or email: or phone: and the hash of the address
exposures as (

    select
        of_audiences.experiment,
        identifiers.person_id,
        min(deliveries.recorded_at) as first_exposed_at
    from deliveries
    inner join (
        select distinct audience, field
        from ({{ rows_of({'audience': 'string', 'field': 'string'}, fields) }}) as named
    ) as fields
        on deliveries.field = fields.field
    inner join ({{ holdout_audience_rows() }}) as of_audiences
        on fields.audience = of_audiences.audience
    inner join {{ ref('person_identifiers') }} as identifiers
        on identifiers.identifier_value
            = {{ regex_replace('deliveries.sync_key', '^(email|phone):', '') }}
    group by of_audiences.experiment, identifiers.person_id

),

together as (

    select
        'madang' as source,
        arms.experiment,
        arms.person_id,
        arms.arm,
        arms.assigned_at,
        arms.share,
        arms.is_in_both_arms,
        arms.is_held_out,
        exposures.first_exposed_at,
        arms.window_micros
    from arms
    left join exposures
        on arms.experiment = exposures.experiment
        and arms.person_id = exposures.person_id

    union all

    select
        'braze' as source,
        experiment,
        person_id,
        arm,
        assigned_at,
        share,
        is_in_both_arms,
        false as is_held_out,
        first_exposed_at,
        window_micros
    from {{ ref('campaign_arms') }}
    where person_id is not null

),

final as (

    select
        source,
        experiment,
        person_id,
        arm,
        assigned_at,
        share,
        is_in_both_arms,
        is_held_out,
        first_exposed_at,
        coalesce(arm = 'holdout' and first_exposed_at >= assigned_at, false) as is_exposed_holdout,
        window_micros
    from together

)

select * from final
