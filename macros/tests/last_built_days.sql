{#
    Data tests of the events look only at the days that were read last, because older days were
    tested then. In YAML a test says so with `where: days_built_last`; SQL tests call
    `ga4_days_built_last`. After a build that read all events, these are all days.
#}
{% macro default__get_where_subquery(relation) %}
    {% set where = config.get('where', '') %}
    {% if not where %}{{ return(relation) }}{% endif %}
    {% set condition = where
        | replace('days_built_last', madang.ga4_in_days(madang.ga4_days_built_last())) %}
    {{ return('(select * from ' ~ relation ~ ' where ' ~ condition ~ ') dbt_subquery') }}
{% endmacro %}


{#
    The days whose events the last run that read any has read, as a list of texts. The number of its
    build says which run was the last: the clock of a machine may be set back.
#}
{% macro ga4_days_built_last() %}
    {% set ledger = madang.ga4_days_ledger() if execute else none %}
    {% if ledger is none %}{{ return(none) }}{% endif %}
    {% set builds = madang.builds_ledger() %}
    {% set query %}
        select distinct cast(event_date as string) as day
        from {{ ledger }}
        where
            model = 'base_ga4__events'
            and run_id in (
                select days.run_id
                from {{ ledger }} as days
                {% if builds is not none %}
                left join {{ builds }} as builds on days.run_id = builds.run_id
                {% endif %}
                where days.model = 'base_ga4__events'
                qualify
                    rank() over (order by {{
                        'builds.build_number desc nulls last, ' if builds is not none
                    }}days.built_at desc) = 1
            )
        order by 1
    {% endset %}
    {{ return(run_query(query).columns[0].values() | list) }}
{% endmacro %}
