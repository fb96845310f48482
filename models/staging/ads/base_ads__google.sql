-- the API gives millionths of the currency, the page units
{{ ads_report(
    'google',
    'coalesce(' ~ number_from_text('cost') ~ ', ' ~ number_from_text('cost_micros') ~ ' / 1000000)'
) }}
