{#
    Before days are written: a column that the project asks for with another type gets it, with the
    values that can be read as such. All days are then built again, so they are marked as not built
    before the change. So a run that dies in between is caught up, even if the old type is asked for
    again. Days whose shards are gone keep their values.
#}
{% macro ga4_retype_columns(types) %}
    {% if execute and is_incremental() %}
        {% set there, casts = column_types(this), [] %}
        {% for name, type in types.items() if name in there and there[name] != type_as_told(type) %}
            {% set is_number_in_text = type == 'float64'
                and there[name] == type_as_told('string') %}
            {% set retyped = number_from_text(name)
                if is_number_in_text
                else safe_cast_as(
                    name, {'float64': float64(), 'wide_int': wide_int()}.get(type, type)
                ) %}
            {% do casts.append(retyped ~ ' as ' ~ name) %}
        {% endfor %}
        {% if casts %}
            {% do run_query(
                'update ' ~ ga4_days_ledger() ~ " set fingerprint = 'other types', revision = '"
                ~ invocation_id ~ "' where model = '" ~ this.identifier ~ "'"
            ) %}
            {% do run_query(replace_table(
                load_relation(this), this,
                'select * replace (' ~ casts | join(', ') ~ ') from ' ~ this ~ ' where '
                ~ ga4_in_days(none)
            )) %}
        {% endif %}
    {% endif %}
    {{ return('') }}
{% endmacro %}


{# The columns of the events that the project asks for, with their types. #}
{% macro ga4_asked_columns() %}
    {% set types = {} %}
    {% for name, type in var('ga4_user_properties').items() %}
        {% do types.update({'user_' ~ name: type}) %}
    {% endfor %}
    {% for name, type in ga4_params().items() %}
        {% do types.update({ga4_param_column(name) | trim: type}) %}
    {% endfor %}
    {{ return(types) }}
{% endmacro %}
