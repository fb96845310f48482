{#
    Chains of order 1. Q is the matrix of steps between channels. The expected visits are I + Q +
    Q^2 + ... = (I + Q)(I + Q^2)(I + Q^4)..., so each round squares Q and doubles the length of the
    sum.

    A path reaches channel c with the probability visits(start, c) / visits(c, c). From there it
    converts as any path at c does. The product of both is what is lost without c.
#}
{% macro markov_by_squaring(steps, temporary) %}
    {%- set state = namespace(
        powers=component_table('powers_0'),
        visits=component_table('visits_0'), rounds=0, under_way=1.0
    ) -%}
    {% do create_component_table(state.powers, "
        select chain, state as i, next_state as j, probability as p
        from " ~ steps ~ "
        where channel not in ('(conversion)', '(null)')
    ", temporary) %}
    {% do create_component_table(state.visits, "
        select chain, i, i as j, cast(1 as " ~ float64() ~ ") as n
        from (
            select chain, state as i
            from " ~ steps ~ "
            union distinct
            select chain, next_state
            from " ~ steps ~ "
        ) as states
        where i not in ('(conversion)', '(null)')
    ", temporary) %}
    {% for round in range(1, 41) %}{% if state.under_way >= 1e-15 %}
        {% set powers, visits = component_table('powers_' ~ round),
            component_table('visits_' ~ round) %}
        {% do create_component_table(visits, "
            select chain, i, j, " ~ ordered_sum('n') ~ " as n
            from (
                select chain, i, j, n from " ~ state.visits ~ "
                union all
                select visits.chain, visits.i, powers.j, visits.n * powers.p
                from " ~ state.visits ~ " as visits
                inner join " ~ state.powers ~ " as powers
                    on visits.chain = powers.chain and visits.j = powers.i
            ) as parts
            group by chain, i, j
        ", temporary) %}
        {% do create_component_table(powers, "
            select a.chain, a.i, b.j, " ~ ordered_sum('a.p * b.p') ~ " as p
            from " ~ state.powers ~ " as a
            inner join " ~ state.powers ~ " as b on a.chain = b.chain and a.j = b.i
            group by a.chain, a.i, b.j
        ", temporary) %}
        {% do drop_component_table(state.powers, temporary) %}
        {% do drop_component_table(state.visits, temporary) %}
        {% set state.powers = powers %}{% set state.visits = visits %}{% set state.rounds = round %}
        {% set state.under_way = markov_under_way(
            'select sum(p) as mass from ' ~ powers ~ ' group by chain, i'
        ) %}
    {% endif %}{% endfor %}
    {{ markov_must_have_ended(state.under_way, state.rounds, temporary) }}
    {% set effects = component_table('effects_squared') %}
    {% do create_component_table(effects, markov_effects("
        with converts as (
            select
                visits.chain,
                visits.i,
                " ~ ordered_sum('visits.n * steps.probability') ~ " as probability
            from " ~ state.visits ~ " as visits
            inner join " ~ steps ~ " as steps
                on visits.chain = steps.chain and visits.j = steps.state
            where steps.channel = '(conversion)'
            group by visits.chain, visits.i
        )
        select
            comes.chain, comes.j as channel_group, starts.probability as conversion_probability,
            comes.n / returns.n * coalesce(converts.probability, 0) / starts.probability
                as removal_effect
        from " ~ state.visits ~ " as comes
        inner join " ~ state.visits ~ " as returns
            on comes.chain = returns.chain and comes.j = returns.i and returns.i = returns.j
        left join converts on comes.chain = converts.chain and comes.j = converts.i
        inner join converts as starts on comes.chain = starts.chain and starts.i = '(start)'
        where comes.i = '(start)' and comes.j <> '(start)' and starts.probability > 0
    ", steps), temporary) %}
    {{ return(effects) }}
{% endmacro %}


{#
    Chains of order 2 and more: what is under way after each step,
    with each channel taken away and with none. Eight steps a statement.
#}
{% macro markov_by_steps(steps, temporary) %}
    {%- set state = namespace(mass=component_table('mass_0'), rounds=0, under_way=1.0) -%}
    {%- set moves = component_table('moves') -%}
    {% do create_component_table(moves, "
        select steps.chain, removed.removed, steps.state, steps.next_state, steps.probability
        from " ~ steps ~ " as steps
        inner join (
            select distinct chain, channel as removed
            from " ~ steps ~ "
            where channel not in ('(conversion)', '(null)')
            union distinct
            select distinct chain, '(none)' from " ~ steps ~ "
        ) as removed on steps.chain = removed.chain
        where steps.channel <> removed.removed and steps.next_state <> '(null)'
        union all
        select distinct
            steps.chain, removed.removed, '(conversion)',
            '(conversion)', cast(1 as " ~ float64() ~ ")
        from " ~ steps ~ " as steps
        inner join (
            select distinct chain, channel as removed
            from " ~ steps ~ "
            where channel not in ('(conversion)', '(null)')
            union distinct
            select distinct chain, '(none)' from " ~ steps ~ "
        ) as removed on steps.chain = removed.chain
    ", temporary) %}
    {% do create_component_table(state.mass, "
        select distinct chain, removed, state, cast(1 as " ~ float64() ~ ") as p
        from " ~ moves ~ " where " ~ regex_matches('state', '^[(]start[)]( > [(]start[)])*$') ~ "
    ", temporary) %}
    {% for round in range(1, 1001) %}{% if state.under_way >= 1e-15 %}
        {% set mass = component_table('mass_' ~ round) %}
        {% set chained = namespace(query=state.mass | string) %}
        {% for step in range(8) %}
            {% set chained.query = "(
                select
                    moves.chain, moves.removed, moves.next_state as state,
                    " ~ ordered_sum('mass.p * moves.probability') ~ " as p
                from " ~ chained.query ~ " as mass
                inner join " ~ moves ~ " as moves
                    on mass.chain = moves.chain
                    and mass.removed = moves.removed
                    and mass.state = moves.state
                group by moves.chain, moves.removed, moves.next_state
            )" %}
        {% endfor %}
        {% do create_component_table(
            mass, "select * from " ~ chained.query ~ " as mass", temporary
        ) %}
        {% do drop_component_table(state.mass, temporary) %}
        {% set state.mass = mass %}{% set state.rounds = round * 8 %}
        {% set state.under_way = markov_under_way(
            "select sum(case when state <> '(conversion)' then p else 0 end) as mass from " ~ mass
            ~ " group by chain, removed"
        ) %}
    {% endif %}{% endfor %}
    {{ markov_must_have_ended(state.under_way, state.rounds, temporary) }}
    {% set effects = component_table('effects_stepped') %}
    {% do create_component_table(effects, markov_effects("
        select
            removed.chain, removed.removed as channel_group, whole.p as conversion_probability,
            1 - coalesce(without.p, 0) / whole.p as removal_effect
        from (select distinct chain, removed from " ~ moves ~ " where removed <> '(none)')
            as removed
        inner join " ~ state.mass ~ " as whole
            on removed.chain = whole.chain
            and whole.removed = '(none)'
            and whole.state = '(conversion)'
        left join " ~ state.mass ~ " as without
            on removed.chain = without.chain
            and removed.removed = without.removed
            and without.state = '(conversion)'
    ", steps), temporary) %}
    {{ return(effects) }}
{% endmacro %}


{# The largest mass that a query gives; 0 where it gives none. #}
{% macro markov_under_way(query) %}
    {{ return(
        run_query(
            'select coalesce(max(mass), 0) as under_way from (' ~ query ~ ') as masses'
        ).rows[0][0] | float
    ) }}
{% endmacro %}


{% macro markov_must_have_ended(under_way, rounds, temporary) %}
    {% do log(model.name ~ ': ' ~ rounds ~ ' rounds, ' ~ under_way ~ ' under way') %}
    {% if under_way >= 1e-12 %}
        {% do drop_component_tables(temporary) %}
        {% do exceptions.raise_compiler_error(
            model.name ~ ': after ' ~ rounds ~ ' rounds ' ~ under_way
            ~ ' of a chain is still under way. One channel that follows itself almost always '
            ~ "does that; give the model 'transform: exposure', which takes repeats for one touch."
        ) %}
    {% endif %}
{% endmacro %}
