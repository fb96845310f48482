{%- set participations = [] -%}
{%- for spec in attribution_models() if spec.kind == 'participation' -%}
    {%- do participations.append(spec.name) -%}
{%- endfor %}

-- under every model but participation, the credits of a conversion add up to one and to its values;
-- with reversals, to what stands
with credits as (

    select
        conversion_key,
        model,
        sum(credit) as credit,
        sum(credited_value) as credited_value,
        sum(credited_verified) as credited_verified,
        sum(credited_verified_value) as credited_verified_value
    from {{ ref('attribution_credits') }}
    where model not in ({{ text_literals(participations) }})
    group by conversion_key, model

),

models as (

    select distinct model
    from credits

)

select conversions.conversion_key, models.model, conversions.online_value, credits.credited_value
from {{ ref('conversions') }} as conversions
cross join models
left join credits
    on conversions.conversion_key = credits.conversion_key and models.model = credits.model
where
    credits.conversion_key is null
    or abs(credits.credit - 1) > 1e-9
    or abs(coalesce(credits.credited_value, 0) - coalesce(conversions.online_value, 0)) > 1e-5
    or abs(
        credits.credited_verified
        - case when conversions.verified_state = 'verified' then 1 else 0 end
    ) > 1e-9
    or abs(coalesce(credits.credited_verified_value, 0) - coalesce(conversions.verified_value, 0))
        > 1e-5
