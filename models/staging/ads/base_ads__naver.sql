-- Naver's reports hold 10 % of value added tax or not, and say so in the header
{{ ads_report(
    'naver',
    'coalesce(' ~ number_from_text('cost') ~ ', ' ~ number_from_text('cost_with_vat')
    ~ ' * 10 / 11)'
) }}
