{{ config(materialized='connected_components') }}

select
    edges.left_key,
    edges.right_key,
    edges.left_id,
    edges.right_id,
    cast(edges.first_seen_at as date) as bucket
from {{ ref('identity_edges') }} as edges
left join (select distinct left_key, right_key from {{ ref('identity_cuts') }}) as cuts
    on edges.left_key = cuts.left_key
    and edges.right_key = cuts.right_key
where not edges.is_quarantined and cuts.left_key is null
