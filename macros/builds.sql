{#
    The ledger of builds: one row per run of dbt that makes tables. The row is written when the run
    begins and completed when it ends. A killed run has no end.

    The row also has the clock of the tables. A run of plain dbt uses the clock that madang.yml
    pins, which the last run of `madang` noted. Otherwise every window of the tables (within 30
    days) would move to today.
#}
{% macro begin_build() %}
    {% if not execute %}{{ return('') }}{% endif %}
    {% if adapter.dispatch('get_where_subquery', 'dbt').macro.package_name == 'dbt' %}
        {% do exceptions.raise_compiler_error(
            "dbt passes over Madang's macros: dispatch in dbt_project.yml has no 'madang' in the "
            ~ "search_order of 'dbt'. 'madang init' writes the block."
        ) %}
    {% endif %}
    {% set labels = fromjson(env_var('MADANG_JOB_LABELS', '{}')) %}
    {% do take_pinned_clock(builds_ledger(), is_plain=not labels) %}
    {% if flags.WHICH in ['build', 'run'] and builds_ledger() is not none %}
        {% set args = invocation_args_dict %}
        {% set is_part = (args.get('select') or args.get('exclude'))
            and args.get('indirect_selection') != 'empty' %}
        {% do run_and_commit("
            insert into " ~ builds_ledger() ~ " (
                build_number, run_id, command, started_at, as_of, is_pinned, is_part
            )
            select coalesce(max(build_number), 0) + 1, '" ~ invocation_id ~ "',
                '" ~ (
                    'madang ' ~ labels.get('command', '') if labels else 'dbt ' ~ flags.WHICH
                ) ~ "',
                " ~ timestamp_from_text(
                    text_literal(run_started_at.strftime('%Y-%m-%dT%H:%M:%S+00:00'))
                ) ~ ",
                " ~ as_of() ~ ", " ~ (pinned_clock() is not none) ~ ",
                " ~ (true if is_part else false) ~ "
            from " ~ builds_ledger()
        ) %}
    {% endif %}
    {{ return('') }}
{% endmacro %}


{% macro end_build(results) %}
    {% if not execute or flags.WHICH not in ['build', 'run'] or builds_ledger() is none %}
        {{ return('') }}
    {% endif %}
    {% set counts = namespace(failed=0, warned=0, skipped=0) %}
    {% for result in results %}
        {% set status = result.status | string %}
        {% if status in ['error', 'fail', 'runtime error', 'partial success'] %}
            {% set counts.failed = counts.failed + 1 %}
        {% elif status == 'warn' %}{% set counts.warned = counts.warned + 1 %}
        {% elif status == 'skipped' %}{% set counts.skipped = counts.skipped + 1 %}
        {% endif %}
    {% endfor %}
    {% set ended_at = modules.datetime.datetime.now(modules.pytz.utc).strftime(
        '%Y-%m-%dT%H:%M:%S+00:00'
    ) %}
    {% do run_and_commit("
        update " ~ builds_ledger() ~ " set
            ended_at = " ~ timestamp_from_text(text_literal(ended_at)) ~ ",
            nodes = " ~ results | length ~ ",
            failed = " ~ counts.failed ~ ",
            warned = " ~ counts.warned ~ ",
            skipped = " ~ counts.skipped ~ "
        where run_id = '" ~ invocation_id ~ "'
    ") %}
    {% do forget_older_models() %}
    {{ return('') }}
{% endmacro %}


{#
    A hook's connection may have a transaction open already,
    which dbt rolls back at the end of the hooks.
#}
{% macro run_and_commit(sql) %}
    {% call statement('ledger_of_builds', auto_begin=true) %}{{ sql }}{% endcall %}
    {% do adapter.commit() %}
{% endmacro %}


{% macro builds_ledger() %}
    {{ return(adapter.get_relation(
        database=target.database, schema=target.schema ~ '_ledger', identifier='builds'
    )) }}
{% endmacro %}


{# The clock that this run is pinned to, as a text; none where it goes by its own start. #}
{% macro pinned_clock() %}
    {{ return(var('as_of', none) or (graph.get('pinned_clock') if execute else none)) }}
{% endmacro %}


{# Kept in `graph`, which all nodes of a run share: one question a run, and not one a model. #}
{% macro take_pinned_clock(ledger, is_plain) %}
    {% if graph.update is not defined %}{{ return('') }}{% endif %}
    {% do graph.update({'pinned_clock': none}) %}
    {% if not is_plain or ledger is none or var('as_of', none) %}{{ return('') }}{% endif %}
    {% set found = run_query("
        select cast(as_of as string)
        from " ~ ledger ~ "
        where
            is_pinned
            and build_number = (
                select max(build_number) from " ~ ledger ~ " where starts_with(command, 'madang')
            )
    ").rows %}
    {% if found | length %}
        {% do graph.update({'pinned_clock': found[0][0][:19] | replace(' ', 'T') ~ '+00:00'}) %}
        {% do log("The clock is " ~ graph.get('pinned_clock')
            ~ ", as the workspace's madang.yml pinned it in its last build. "
            ~ "For another one: --vars '{as_of: \"2026-10-31T23:59:59+09:00\"}'.", info=true) %}
    {% endif %}
{% endmacro %}
