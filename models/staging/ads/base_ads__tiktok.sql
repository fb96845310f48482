{{ ads_report('tiktok', safe_cast_as('cost', float64())) }}
