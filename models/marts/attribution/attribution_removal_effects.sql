{{ config(materialized='markov_fits') }}
-- the steps of all paths; the materialization fits the chain of each month
select model, markov_order, conversion_type, path_month, state, channel, next_state, paths
from {{ ref('attribution_transitions') }}
