{#
    The name under which the ledger has the days that a model has read,
    where they are not those that it holds.
#}
{% macro reader_of_days() %}
    {{ return(this.identifier ~ ' (read)' if config.get('meta').adds_up else this.identifier) }}
{% endmacro %}


{% macro forget_days() %}
    {% set ledger = ga4_days_ledger() %}
    {% set names = text_literals([this.identifier, reader_of_days()]) %}
    {% if ledger is not none %}
        {% do run_query('delete from ' ~ ledger ~ ' where model in (' ~ names ~ ')') %}
    {% endif %}
{% endmacro %}


{#
    Into the ledger: of which days this table has what the followed one holds.
    To be called when it is written.
#}
{% macro record_days_read(follows, version) %}
    {% set ledger, reader = ga4_days_ledger(), reader_of_days() %}
    {% if ledger is not none %}
        {% do run_query(ga4_days_recorded(
            ga4_days_that_differ(ledger, follows.name, version, reader), model_name=reader
        )) %}
    {% endif %}
{% endmacro %}


{#
    Gives the days of this table a new revision in the ledger, so that tables that follow it read
    them again. Only for a table whose days are not those that it read.

    Call it before the days are overwritten. A run that dies in between would no longer know where a
    moved session was.
#}
{% macro record_days_written(days) %}
    {% if ga4_days_ledger() is not none and reader_of_days() != this.identifier %}
        {% do run_query(ga4_days_recorded(
            "select 'all' as property_id, event_date, 'sessions' as fingerprint, '" ~ invocation_id
            ~ "' as revision from (" ~ days ~ ") as days"
        )) %}
    {% endif %}
{% endmacro %}

{% macro dates_as_rows(dates) -%}
    {% for date in dates %}
    select date '{{ date }}' as event_date{{ ' union all ' if not loop.last }}
    {% endfor %}
{%- endmacro %}
