{#
    Materialization for a model that selects the steps of Markov chains: model, markov_order,
    conversion_type, path_month, state, channel, next_state, paths. It stores one row per chain and
    channel: the probability of a conversion from the start, and the channel's removal effect. That
    is the share of the probability that is lost when every path ends at the channel. The result is
    exact; nothing is sampled.

    Chains of order 1 are solved by squaring the matrix of steps, until at most 1e-15 of any state
    is still under way. Higher orders have too many states for a matrix. There, all paths move on
    step by step until less than 1e-15 is under way, once for each removed channel. The log of dbt
    says how many rounds there were. Results have 12 digits, so they do not depend on the chains
    that are fitted together.

    Sums are of whole numbers of 1e-18, so their order does not matter. A chain whose steps did not
    change is not fitted again.
#}
{% materialization markov_fits, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set temporary = [] -%}
    {%- set made_of = fingerprint_of_model(sql) -%}
    {{ run_hooks(pre_hooks) }}
    {% if has_fingerprint(existing, made_of) %}
        {% call noop_statement('main', 'UNCHANGED') %}{% endcall %}
        {% do adapter.commit() %}
        {{ return({'relations': [target_relation]}) }}
    {% endif %}

    {%- set steps, chains = component_table('steps'), component_table('chains') -%}
    {% do create_component_table(steps, "
        select
            concat(model, ' ', conversion_type, ' ', cast(path_month as string)) as chain,
            model, markov_order, conversion_type, path_month, state, channel, next_state, paths,
            cast(paths as " ~ float64() ~ ")
            / sum(paths) over (partition by model, conversion_type, path_month, state)
                as probability
        from (" ~ sql ~ ") as selected
    ", temporary) %}
    {% do create_component_table(chains, "
        select
            chain,
            markov_order,
            " ~ md5_hex("cast(sum(cast(" ~ sixty_bits("concat(
                state, ' ', channel, ' ', next_state, ' ', cast(paths as string)
            )")
            ~ " as " ~ wide_int() ~ ")) as string)") ~ " as made_of
        from " ~ steps ~ " group by chain, markov_order
    ", temporary) %}
    {%- set is_kept = existing is not none
        and existing.type == 'table'
        and not should_full_refresh() -%}
    {%- set old = component_table('old') -%}
    {% do create_component_table(
        old,
        markov_kept_effects(existing, chains) if is_kept else markov_no_effects(steps),
        temporary
    ) %}
    {%- set to_fit = component_table('to_fit') -%}
    {% do create_component_table(to_fit, "
        select steps.*, chains.made_of
        from " ~ steps ~ " as steps
        inner join " ~ chains ~ " as chains on steps.chain = chains.chain
        left join (select distinct made_of, chain from " ~ old ~ ") as old
            on chains.chain = old.chain and chains.made_of = old.made_of
        where old.chain is null
    ", temporary) %}
    {%- set effects = [old] -%}
    {% for condition, fitted in [('markov_order = 1', 'squared'), ('markov_order > 1', 'stepped')]
        if rows_in(to_fit, condition) > 0 %}
        {% set steps_of = component_table(fitted ~ '_steps') %}
        {% do create_component_table(
            steps_of, "select * from " ~ to_fit ~ " where " ~ condition, temporary
        ) %}
        {% do effects.append(
            markov_by_squaring(steps_of, temporary)
            if fitted == 'squared' else markov_by_steps(steps_of, temporary)
        ) %}
    {% endfor %}

    {% if existing is not none and existing.type != 'table' %}
        {% do adapter.drop_relation(existing) %}
    {% endif %}
    {% call statement('main') %}
        {%- set selects = [] -%}
        {%- for relation in effects -%}
            {%- do selects.append(
                "select " ~ markov_columns() | join(', ') ~ " from " ~ relation
            ) -%}
        {%- endfor -%}
        {{ replace_table(existing, target_relation, selects | join(' union all ')) }}
    {% endcall %}
    {% do drop_component_tables(temporary) %}
    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks) }}
    {% do remember_fingerprint(made_of) %}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{% macro markov_columns() %}
    {{ return([
        'model', 'conversion_type', 'path_month', 'channel_group',
        'conversion_probability', 'removal_effect', 'chain', 'made_of',
    ]) }}
{% endmacro %}


{# The effects of chains whose steps are as they were. #}
{% macro markov_kept_effects(existing, chains) %}
    {{ return("
        select effects." ~ markov_columns() | join(', effects.') ~ "
        from " ~ existing ~ " as effects
        inner join " ~ chains ~ " as chains
            on effects.chain = chains.chain and effects.made_of = chains.made_of
    ") }}
{% endmacro %}

{% macro markov_no_effects(steps) %}
    {{ return("
        select
            model, conversion_type, path_month, channel as channel_group,
            probability as conversion_probability,
            probability as removal_effect, chain, chain as made_of
        from " ~ steps ~ " where false
    ") }}
{% endmacro %}


{# A sum of floats that is the same in whatever order it is made. #}
{% macro ordered_sum(expression) %}
    {{ return(
        "cast(sum(cast(round((" ~ expression ~ ") * 1e18) as " ~ wide_int() ~ ")) as " ~ float64()
        ~ ") / 1e18"
    ) }}
{% endmacro %}


{#
    The rows of effects from a relation with chain, channel_group,
    conversion_probability and removal_effect.
#}
{% macro markov_effects(query, steps) %}
    {{ return("
        select
            chains.model, chains.conversion_type, chains.path_month, fitted.channel_group,
            round(fitted.conversion_probability, 12) as conversion_probability,
            case
                when fitted.removal_effect > 0 then round(fitted.removal_effect, 12)
                else cast(0 as " ~ float64() ~ ")
            end as removal_effect,
            chains.chain, chains.made_of
        from (" ~ query ~ ") as fitted
        inner join (
            select distinct chain, model, conversion_type, path_month, made_of from " ~ steps ~ "
        ) as chains
            on fitted.chain = chains.chain
    ") }}
{% endmacro %}
