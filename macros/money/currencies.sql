{#
    Amounts of several currencies are added up through these macros only. A sum is in one currency
    (var('currency') unless it says another). An amount in another currency is converted at the rate
    of its day. An amount without a rate is counted beside the sum, never in it.
#}

{#
    A currency code as it is stored: upper case;
    `default`, an expression, where the text is blank or GA4's word for nothing.
#}
{% macro currency_code(expression, default='cast(null as string)') -%}
    coalesce(nullif(nullif(upper(trim({{ expression }})), ''), '(NOT SET)'), {{ default }})
{%- endmacro %}


{# The project's own currency as a literal. #}
{% macro reporting_currency() %}{{ return(text_literal(var('currency') | upper)) }}{% endmacro %}


{#
    Gives `fx_rate` its rate: that of the row's currency on its day.
    `relation` has a column currency; `day` and `to` are expressions.
#}
{% macro join_fx_rates(relation, day, to=none) -%}
    left join {{ ref('stg_fx__rates') }} as fx_rates
        on upper({{ relation }}.currency) = fx_rates.from_currency
        and {{ to or reporting_currency() }} = fx_rates.to_currency
        and {{ day }} >= fx_rates.valid_from
        and {{ day }} < fx_rates.valid_to
{%- endmacro %}

{# Units of the wanted currency for one of the row's; null where there is no rate. #}
{% macro fx_rate(relation, to=none) -%}
    case
        when upper({{ relation }}.currency) = {{ to or reporting_currency() }}
            then cast(1 as {{ float64() }})
        else fx_rates.rate
    end
{%- endmacro %}


{#
    One amount in the wanted currency. Four decimals:
    what floats add behind them differs between warehouses.
#}
{% macro converted(amount, rate='fx_rate') -%} round({{ amount }} * {{ rate }}, 4) {%- endmacro %}

{# The sum of those that have a rate. #}
{% macro sum_amounts(amount, rate='fx_rate') -%}
    coalesce(round(sum({{ amount }} * {{ rate }}), 4), 0)
{%- endmacro %}

{# How many have none, and are in no sum. #}
{% macro amounts_without_rate(amount, rate='fx_rate') -%}
    count(case when {{ rate }} is null and {{ amount }} <> 0 then 1 end)
{%- endmacro %}


{#
    A cost to divide by; null where there is none, and where a part of it has no rate. Divided by
    the rest, what it brought would be too much.
#}
{% macro whole_cost(cost='cost', without_rate='costs_without_rate') -%}
    case when coalesce({{ without_rate }}, 0) = 0 then nullif({{ cost }}, 0) end
{%- endmacro %}
