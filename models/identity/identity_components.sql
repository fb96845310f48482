{{ config(materialized='connected_components') }}

-- by ids: numbers are joined with less work than keys
with cuts as (

    select distinct
        {{ sixty_bits('left_key') }} as left_id,
        {{ sixty_bits('right_key') }} as right_id
    from {{ ref('identity_cuts') }}

)

select
    edges.left_key,
    edges.right_key,
    edges.left_id,
    edges.right_id,
    cast(edges.first_seen_at as date) as bucket
from {{ ref('identity_edges') }} as edges
left join cuts
    on edges.left_id = cuts.left_id
    and edges.right_id = cuts.right_id
where not edges.is_quarantined and cuts.left_id is null
