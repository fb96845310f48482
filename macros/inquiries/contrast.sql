{#
    Columns that compare two shares: of the orders with an inquiry and of those without, how many ended so. `ended` names the columns `<ended>_with` and `<ended>_without`; the orders
    are in orders_with and orders_without. The interval of the difference is Newcombe's, of two Wilson intervals, as in dropoff_inquiries.
#}
{% macro share_contrast(ended) -%}
    {%- set rate_with = ended ~ '_with / nullif(orders_with, 0)' -%}
    {%- set rate_without = ended ~ '_without / nullif(orders_without, 0)' -%}
    {%- set low_with = wilson_bound(ended ~ '_with', 'orders_with', '-') -%}
    {%- set high_with = wilson_bound(ended ~ '_with', 'orders_with', '+') -%}
    {%- set low_without = wilson_bound(ended ~ '_without', 'orders_without', '-') -%}
    {%- set high_without = wilson_bound(ended ~ '_without', 'orders_without', '+') -%}
    {%- set below = hypotenuse(rate_with ~ ' - ' ~ low_with, high_without ~ ' - ' ~ rate_without) -%}
    {%- set above = hypotenuse(high_with ~ ' - ' ~ rate_with, rate_without ~ ' - ' ~ low_without) -%}
    {{ six_decimals(rate_with) }} as {{ ended }}_rate_with,
        {{ six_decimals(rate_without) }} as {{ ended }}_rate_without,
        {{ six_decimals('(' ~ rate_with ~ ') / nullif(' ~ rate_without ~ ', 0)') }} as {{ ended }}_lift,
        {{ six_decimals(rate_with ~ ' - ' ~ rate_without) }} as {{ ended }}_difference,
        {{ six_decimals(rate_with ~ ' - ' ~ rate_without ~ ' - ' ~ below) }} as {{ ended }}_difference_low,
        {{ six_decimals(rate_with ~ ' - ' ~ rate_without ~ ' + ' ~ above) }} as {{ ended }}_difference_high
{%- endmacro %}


{# Whether a moment lies in the whole days that end so many days before that of the run's clock. #}
{% macro is_within_days(column, since, until) -%}
    {{ column }} >= {{ timestamp_plus(today_began(), 0 - since, 'day') }} and {{ column }} < {{ timestamp_plus(today_began(), 0 - until, 'day') }}
{%- endmacro %}
