{{ config(materialized='connected_components') }}

select left_key, right_key
from {{ ref('identity_edges') }}
where not is_quarantined
