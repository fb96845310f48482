-- Naver's reports hold 10 % of value added tax or not, and say so in the header
{{ ads_report(
    'naver',
    'coalesce(' ~ safe_cast_as('cost', float64()) ~ ', ' ~ safe_cast_as('cost_with_vat', float64()) ~ ' * 10 / 11)'
) }}
