{#
    The GA4 properties that are read: a list of {id, timezone, currency, path, project, dataset,
    format, edition, is_named}. They are those of var('ga4_properties'), with defaults. Without it
    there is one property, in MADANG_GA4_PATH or MADANG_GA4_DATASET.

    `format` is ga4, or ga360 for Universal Analytics. `edition` is standard, or 360, whose daily
    export has no limit. `is_named`: the settings say its dataset. On BigQuery a property without a
    dataset has no export.
#}
{% macro ga4_property_list() %}
    {% set project = env_var('MADANG_GA4_PROJECT', '') or target.database %}
    {% set dataset = env_var('MADANG_GA4_DATASET', 'analytics_000000000') %}
    {% set own_id = modules.re.sub('[^0-9]', '', dataset) or '000000000' %}
    {% set said = var('ga4_properties', [])
        or [{'id': own_id, 'timezone': var('timezone'), 'path': ga4_path(), 'dataset': dataset}] %}
    {% set properties = [] %}
    {% for one in said %}
        {% do ga4_check_property(one, properties) %}
        {% do properties.append({
            'id': one.id | string,
            'timezone': one.timezone,
            'currency': (one.currency or var('currency')) | upper,
            'format': one.format or 'ga4',
            'edition': (one.edition or var('ga4_edition', 'standard')) | string,
            'path': (one.path or ga4_path() ~ '/' ~ one.id).rstrip('/'),
            'project': one.project or project,
            'dataset': one.dataset or 'analytics_' ~ one.id,
            'is_named': var('ga4_properties', []) | length > 0
            or env_var('MADANG_GA4_DATASET', '') != '',
        }) %}
    {% endfor %}
    {{ return(properties) }}
{% endmacro %}


{% macro ga4_path() %}{{ return(env_var('MADANG_GA4_PATH', 'data/ga4')) }}{% endmacro %}


{#
    Stops where a property cannot be read as it is described.
    'madang check' says the same with the line.
#}
{% macro ga4_check_property(one, known) %}
    {% set name = "The GA4 property '" ~ one.id ~ "' in var('ga4_properties') " %}
    {% if not modules.re.fullmatch('[0-9A-Za-z_-]+', one.id | string) %}
        {% do exceptions.raise_compiler_error(
            name ~ "needs an id: the number that GA4 shows under Property details."
        ) %}
    {% endif %}
    {% if not one.timezone %}
        {% do exceptions.raise_compiler_error(
            name
            ~ "has no time zone. Add timezone, such as Asia/Seoul: the one that GA4 shows under "
            ~ "Property details."
        ) %}
    {% endif %}
    {% if (one.format or 'ga4') not in ['ga4', 'ga360'] %}
        {% do exceptions.raise_compiler_error(
            name ~ "has the format '" ~ one.format ~ "': it must be ga4 or ga360."
        ) %}
    {% endif %}
    {% if (one.edition or 'standard') | string not in ['standard', '360'] %}
        {% do exceptions.raise_compiler_error(
            name ~ "has the edition '" ~ one.edition ~ "': it must be standard or 360."
        ) %}
    {% endif %}
    {% if one.id | string in known | map(attribute='id') %}
        {% do exceptions.raise_compiler_error(name ~ "is there twice.") %}
    {% endif %}
{% endmacro %}


{# One row per property: property_id, timezone, currency, edition. #}
{% macro ga4_properties() -%}
    {% for property in ga4_property_list() -%}
    select
        '{{ property.id }}' as property_id,
        '{{ property.timezone }}' as timezone,
        '{{ property.currency }}' as currency,
        '{{ property.edition }}' as edition
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
{%- endmacro %}


{#
    So many events a day GA4 exports of a standard property, and no more:
    support.google.com/analytics/answer/9823238.
#}
{% macro ga4_daily_limit() %}{{ return(1000000) }}{% endmacro %}


{# The currency of amounts of a property whose events name none. #}
{% macro ga4_property_currency(property_id='property_id') -%}
    case {{ property_id }}
        {%- for property in ga4_property_list() %}
        when '{{ property.id }}' then '{{ property.currency }}'
        {% endfor %}
        else {{ reporting_currency() }}
    end
{%- endmacro %}


{#
    What the names of shards begin with, by kind: events of GA4 and sessions of Universal Analytics,
    people by device and by user id. `of` is events or users.
#}
{% macro ga4_shard_prefix(kind) %}
    {{ return({
        'ga4': 'events_', 'ga360': 'ga_sessions_',
        'pseudonymous': 'pseudonymous_users_', 'user': 'users_',
    }[kind]) }}
{% endmacro %}

{% macro ga4_shard_kinds(property, of) %}
    {% if of == 'events' %}{{ return([property.format]) }}{% endif %}
    {{ return(['pseudonymous', 'user'] if property.format == 'ga4' else []) }}
{% endmacro %}
