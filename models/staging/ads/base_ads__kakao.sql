{{ ads_report(
    'kakao',
    'coalesce(' ~ number_from_text('cost') ~ ', ' ~ number_from_text('cost_with_vat')
    ~ ' * 10 / 11)'
) }}
