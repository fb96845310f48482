-- the API gives millionths of the currency, the page units
{{ ads_report(
    'google',
    'coalesce(' ~ safe_cast_as('cost', float64()) ~ ', ' ~ safe_cast_as('cost_micros', float64()) ~ ' / 1000000)'
) }}
