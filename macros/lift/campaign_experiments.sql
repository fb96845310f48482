{# The experiments whose arms Braze draws, as the list `campaign_experiments` declares them. #}
{% macro campaign_experiments() -%}
    select
        campaign_id,
        experiment,
        {{ safe_cast_as('control_percent', float64()) }} as share,
        {{ safe_cast_as('since_date', 'date') }} as since_date,
        {{ safe_cast_as('window_days', 'int64') }} * {{ duration_micros('1 day') }} as window_micros
    from {{ list_of('campaign_experiments') }}
{%- endmacro %}
