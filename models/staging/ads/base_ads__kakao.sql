{{ ads_report(
    'kakao',
    'coalesce(' ~ safe_cast_as('cost', float64()) ~ ', ' ~ safe_cast_as('cost_with_vat', float64()) ~ ' * 10 / 11)'
) }}
