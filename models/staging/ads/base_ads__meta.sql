{%- set cost = [] -%}
{%- for column in ['cost', 'cost_krw', 'cost_usd', 'cost_jpy', 'cost_eur'] -%}
{%- do cost.append(number_from_text(column)) -%}
{%- endfor -%}

-- Meta writes the currency into the header of the cost
{{ ads_report(
    'meta',
    'coalesce(' ~ cost | join(', ') ~ ')',
    "coalesce(currency, case when cost_krw is not null then 'KRW' "
    ~ "when cost_usd is not null then 'USD' when cost_jpy is not null then 'JPY' "
    ~ "when cost_eur is not null then 'EUR' end)"
) }}
