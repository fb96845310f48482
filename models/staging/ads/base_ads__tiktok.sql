{{ ads_report('tiktok', number_from_text('cost')) }}
