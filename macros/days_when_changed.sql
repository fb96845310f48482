{#
    Materialization for a table of sessions that rebuilds only the days that changed. The model
    follows one table that is built by day. `of_days_to_build` marks where its SQL selects rows by
    day. The compiled SQL selects all days; the materialization renders it again with the days to
    build.

    All days are built again after a change of the model's SQL, of a seed or another input, or of
    more than half of the days. So they are when the rules of a table in `config.meta.looks_up`
    change, and with `--full-refresh`. A row of a looked-up table must stay the same as long as the
    table's rules do.

    The day is `session_date`. A table whose sessions cover several days names their key in
    `config.meta.adds_up`. A session that is or was on a changed day is then added up again, with
    all sessions that start, or started, on the same date.
#}
{% materialization days_when_changed, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set follows = followed_model() -%}
    {%- set version = local_md5(rules_of(sql) ~ fingerprint_of_other_inputs(follows))[:8] -%}
    {%- set changed = days_that_changed(existing, follows, version) -%}
    {{ run_hooks(pre_hooks) }}
    {% if changed is none %}
        {% if existing is not none and existing.type != 'table' %}
            {% do adapter.drop_relation(existing) %}
        {% endif %}
        {% call statement('main') %}{{ replace_table(existing, target_relation, sql) }}{% endcall %}
        {% do persist_docs(target_relation, model) %}
        {% do forget_days() %}
        {% do record_days_written(
            'select distinct session_date as event_date from ' ~ target_relation
        ) %}
        {% do record_days_read(follows, version) %}
    {% elif changed %}
        {% set dates = session_dates_touched(existing, follows, changed)
            if config.get('meta').adds_up else changed %}
        {% if dates %}
            {% do record_days_written(dates_as_rows(dates)) %}
            {% call statement('main') %}
                {{ overwrite_days(
                    target_relation, 'session_date', day_literals(dates),
                    of_those_days(dates), column_types(existing) | list
                ) }}
            {% endcall %}
        {% else %}
            {% call noop_statement('main', 'NO SESSIONS') %}{% endcall %}
        {% endif %}
        {% do record_days_read(follows, version) %}
    {% else %}
        {% call noop_statement('main', 'UNCHANGED') %}{% endcall %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#
    A condition that only days which are built meet; `{days}` in it stands for them.
    Of all days, until the materialization says which.
#}
{% macro of_days_to_build(condition) -%}
    {%- set days = model.get('days_to_build') -%}
    {{- condition | replace('{days}', '(' ~ day_literals(days) ~ ')') if days else 'true' -}}
{%- endmacro %}

{# The model's SQL once more, of these days. #}
{% macro of_those_days(dates) %}
    {% do model.update({'days_to_build': dates}) %}
    {% set narrowed = render(model.raw_code) %}
    {% do model.update({'days_to_build': none}) %}
    {{ return(narrowed) }}
{% endmacro %}


{# The one input that is built by day. #}
{% macro followed_model() %}
    {% set found = [] %}
    {% for unique_id in model.depends_on.nodes | unique %}
        {% set node = graph.nodes.get(unique_id) %}
        {% if node.config.materialized in ['incremental', 'days_when_changed'] %}
            {% do found.append(node) %}
        {% endif %}
    {% endfor %}
    {% if found | length != 1 %}
        {% do exceptions.raise_compiler_error(
            model.name ~ ': a table of days follows one model that is built day by day, not '
            ~ found | length
        ) %}
    {% endif %}
    {{ return(found[0]) }}
{% endmacro %}


{# The fingerprint of the inputs that are not followed, not looked up in, and no seeds. #}
{% macro fingerprint_of_other_inputs(follows) %}
    {% set texts = [] %}
    {% for unique_id in model.depends_on.nodes | unique | sort %}
        {% set node = graph.nodes.get(unique_id) or graph.sources.get(unique_id) %}
        {% if node.resource_type != 'seed'
            and node.name not in [follows.name] + config.get('meta').get('looks_up', []) %}
            {% set made_of = built_model(node.name).get('made_of') %}
            {% if made_of is none %}{{ return(invocation_id) }}{% endif %}
            {% do texts.append(node.name ~ ' ' ~ made_of) %}
        {% endif %}
    {% endfor %}
    {{ return(texts | join(' ')) }}
{% endmacro %}


{#
    The days of which the followed table holds other rows than this one was made of, as texts;
    none where all days are to be built.
#}
{% macro days_that_changed(existing, follows, version) %}
    {% set ledger = ga4_days_ledger() %}
    {% if existing is none or existing.type != 'table' or ledger is none or should_full_refresh() %}
        {{ return(none) }}
    {% endif %}
    {% set reader = reader_of_days() %}
    {% set counted = run_query("
        select 'held' as day, count(distinct event_date) as days
        from " ~ ledger ~ "
        where model = '" ~ reader ~ "'
        union all
        select cast(event_date as string), 1
        from (" ~ ga4_days_that_differ(ledger, follows.name, version, reader) ~ ") as differing
    ") %}
    {% set days, held = [], [] %}
    {% for row in counted.rows %}
        {% if row[0] == 'held' %}
            {% do held.append(row[1]) %}
        {% else %}
            {% do days.append(row[0]) %}
        {% endif %}
    {% endfor %}
    {% set days = days | unique | sort %}
    {{ return(days if days | length <= held[0] / 2 else none) }}
{% endmacro %}


{#
    The dates on which the sessions start, or started when this table was built,
    that have or had a part on one of the days: as texts.
#}
{% macro session_dates_touched(existing, follows, days) %}
    {%- set key = config.get('meta').adds_up -%}
    {%- set parts = api.Relation.create(
        database=follows.database, schema=follows.schema, identifier=follows.alias
    ) -%}
    {%- set touched -%}
        {%- for day in days %}
        (
            session_date <= date '{{ day }}' and last_event_date >= date '{{ day }}'
        ){{ ' or ' if not loop.last }}
        {% endfor -%}
    {%- endset -%}
    {{ return(run_query("
        with touched as (
            select " ~ key ~ " from " ~ parts ~ " where event_date in (" ~ day_literals(days) ~ ")
            union distinct
            select " ~ key ~ " from " ~ existing ~ " where " ~ touched ~ "
        ),
        starts as (
            select min(event_date) as session_date
            from " ~ parts ~ "
            where " ~ key ~ " in (select " ~ key ~ " from touched)
            group by " ~ key ~ "
            union all
            select session_date
            from " ~ existing ~ "
            where " ~ key ~ " in (select " ~ key ~ " from touched)
        )
        select distinct cast(session_date as string) as day
        from starts
        order by 1
    ").columns[0].values() | list) }}
{% endmacro %}
