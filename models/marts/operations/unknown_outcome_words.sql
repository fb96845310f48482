-- statuses and products of outcomes that no list knows;
-- the outcomes are kept under the words as they came
with outcome_versions as (

    select product, status, meaning, is_known_product, outcome_id, occurred_at
    from {{ ref('stg_offline__outcome_versions') }}

),

unknown as (

    select 'status' as kind, status as word, outcome_id, occurred_at
    from outcome_versions
    where meaning = 'unknown'

    union all

    select 'product' as kind, product as word, outcome_id, occurred_at
    from outcome_versions
    where not is_known_product

),

final as (

    select
        kind,
        coalesce(word, '') as word,
        count(distinct outcome_id) as outcomes,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from unknown
    group by kind, coalesce(word, '')

)

select * from final
