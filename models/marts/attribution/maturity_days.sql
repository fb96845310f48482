{{ cumulative_incidence(ref('maturity_transitions')) }}
